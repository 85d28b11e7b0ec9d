from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.keys import KeyKind, NoteKey, VerifierKey
from provenance.registry.log.note import NoteSignature, sign_note
from provenance.registry.log.policy import Policy, check_checkpoint, parse_policy, policy_of
from tests.factory.release_log import AT, ORIGIN, HonestWitness, note_key

VECTORS = Path(__file__).parent / "vectors"
LOG = note_key()
WITNESSES = {name: HonestWitness(f"{name}.example") for name in ("X1", "X2", "X3", "Y1", "Y2")}
HEAD = Checkpoint(origin=ORIGIN, size=7, root=bytes(32))

EXAMPLE = "\n".join(
    [
        "# The shape of the example of c2sp.org/tlog-policy.",
        f"log {LOG.key.text} https://{ORIGIN}/",
        "",
        *(f"witness {name} {w.cosigner.key.text}" for name, w in WITNESSES.items()),
        "\tgroup  X-witnesses\t2 X1 X2 X3 ",
        "group Y-witnesses any Y1 Y2",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
    ]
)


def parse(text: str) -> Policy:
    return parse_policy(text.encode("utf-8", "surrogateescape"), where="p")


def cosigned(*names: str, head: Checkpoint = HEAD, key: NoteKey = LOG) -> bytes:
    note = sign_note(head.text, [key])
    lines = []
    for name in names:
        witness = WITNESSES[name].cosigner
        value = witness.cosign(head.text, at=AT)
        lines.append(NoteSignature(name=witness.name, key_id=witness.key.key_id, value=value))
    return note.with_signatures(lines).encoded


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        (("X1", "X2", "Y1"), True),
        (("X1", "X2", "X3", "Y1", "Y2"), True),
        (("X2", "X3", "Y2"), True),
        (("X1", "Y1", "Y2"), False),
        (("X1", "X2", "X3"), False),
        ((), False),
    ],
)
def test_it_takes_as_many_witnesses_as_the_policy_says(
    *, names: tuple[str, ...], enough: bool
) -> None:
    policy = parse(EXAMPLE)
    assert policy.is_met_by(names) is enough
    if enough:
        checked = check_checkpoint(cosigned(*names), policy, where="c")
        assert (checked.checkpoint, checked.log.url) == (HEAD, f"https://{ORIGIN}/")
        assert dict(checked.witnesses) == dict.fromkeys(names, AT)
    else:
        got = ", ".join(names) or "none"
        with pytest.raises(LogProofError, match=f"that 'X-and-Y' asks for, got {got}"):
            check_checkpoint(cosigned(*names), policy, where="c")


def test_without_witnesses_the_log_is_enough() -> None:
    policy = policy_of(LOG.key)
    assert not policy.asks_for_witnesses
    assert check_checkpoint(cosigned(), policy, where="c").witnesses == {}
    assert parse(policy.text) == policy


def test_a_policy_is_written_as_it_is_read() -> None:
    policy = parse(EXAMPLE)
    assert parse(policy.text) == policy
    assert "group X-and-Y 2 X-witnesses Y-witnesses\n" in policy.text


def test_the_log_has_to_sign_under_its_own_name() -> None:
    policy = policy_of(LOG.key)
    other = Checkpoint(origin="another.example", size=7, root=bytes(32))
    for note in (
        cosigned(head=other),
        cosigned(key=note_key("other")),
        cosigned(key=note_key(name="x")),
    ):
        with pytest.raises(LogProofError, match="is not signed by a log of the policy"):
            check_checkpoint(note, policy, where="c")
    with pytest.raises(LogProofError, match="is not signed by a log of the policy"):
        check_checkpoint(cosigned(), parse("quorum none"), where="c")


def test_a_wrong_cosignature_condemns_even_where_others_are_enough() -> None:
    good = cosigned("X1", "X2", "Y1")
    other = Checkpoint(origin=ORIGIN, size=8, root=bytes(32))
    (line,) = [
        line for line in cosigned("X3", head=other).splitlines(keepends=True) if b"X3" in line
    ]
    with pytest.raises(LogProofError, match=r"the signature of X3\.example"):
        check_checkpoint(good + line, parse(EXAMPLE), where="c")


def test_a_witness_signature_of_a_log_key_does_not_count() -> None:
    # The key of a witness, used as a log signs: another kind, another key id.
    private = WITNESSES["X1"].cosigner.private
    plain = NoteKey(name="X1.example", private=private)
    note = sign_note(HEAD.text, [LOG, plain]).encoded
    policy = parse(f"log {LOG.key.text}\nwitness X1 {WITNESSES['X1'].cosigner.key.text}\nquorum X1")
    with pytest.raises(LogProofError, match="got none"):
        check_checkpoint(note, policy, where="c")
    assert check_checkpoint(cosigned("X1"), policy, where="c").witnesses == {"X1": AT}


def test_a_public_log_and_its_witness_meet_a_policy() -> None:
    policy = parse(
        "log arche2025h1.staging.ct.transparency.dev+ba2f06c0+"
        "AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f\n"
        "witness remora remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2\n"
        "quorum remora\n"
    )
    data = (VECTORS / "checkpoint_ed25519.txt").read_bytes()
    checked = check_checkpoint(data, policy, where="c")
    assert (checked.checkpoint.size, list(checked.witnesses)) == (1_432_088_532, ["remora"])


def test_names_are_octets_and_keywords_are_names() -> None:
    # Cases of policy/tlog_policy_test.go in github.com/transparency-dev/formats.
    first, second = (WITNESSES[name].cosigner.key.text for name in ("X1", "X2"))
    policy = parse_policy(b"witness w\x80 " + first.encode() + b"\nquorum w\x80\n", where="p")
    assert policy.quorum == "w\udc80"
    policy = parse(
        f"witness all {first}\nwitness any {second}\ngroup group 2 all any\nquorum group"
    )
    assert policy.is_met_by(["all", "any"])
    assert not policy.is_met_by(["all"])
    assert parse("quorum none\n").logs == ()


def witness_line(name: str, of: str = "X1") -> str:
    return f"witness {name} {WITNESSES[of].cosigner.key.text}\n"


GROUPS = "group g1 any w1 w2\ngroup g2 any w1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Cases of policy/tlog_policy_test.go in github.com/transparency-dev/formats.
        ("quorum none\n\x01", "no control characters"),
        ("quorum none\r\n", "no control characters"),
        ("quibble w1\nquorum none\n", "line 1: expected log KEY .* got 'quibble'"),
        (f"{witness_line('w1')[:-1]} https://w1.example/ # c\nquorum w1", "got 'witness'"),
        ("log\nquorum none\n", "got 'log'"),
        ("log garbage\nquorum none\n", "line 1: expected a key of kind 0x01, 0x04, 0x06, got none"),
        (
            f"log {LOG.key.text}\nlog {LOG.key.text} https://l.example/\nquorum none",
            "two log lines",
        ),
        ("witness w1\nquorum none\n", "got 'witness'"),
        (f"witness w1 {LOG.key.text}\nquorum w1", "expected the key of a witness, got a log's"),
        (f"{witness_line('none')}quorum none", "the name 'none' is taken"),
        (f"{witness_line('w1')}{witness_line('w1', 'X2')}quorum w1", "the name 'w1' is taken"),
        (f"{witness_line('w1')}{witness_line('w2')}quorum w1", "two witness lines have the same"),
        (f"{witness_line('w1')}group w1 any w1\nquorum w1", "the name 'w1' is taken"),
        (f"{witness_line('w1')}group g1 1\nquorum w1", "got 'group'"),
        (f"{witness_line('w1')}group none any w1\nquorum none", "the name 'none' is taken"),
        (f"{witness_line('w1')}group g1 0 w1\nquorum g1", "expected any, all or 1 to 1, got '0'"),
        (f"{witness_line('w1')}group g1 -1 w1\nquorum g1", "expected any, all or 1 to 1, got '-1'"),
        (f"{witness_line('w1')}group g1 2 w1\nquorum g1", "expected any, all or 1 to 1, got '2'"),
        (f"{witness_line('w1')}group g1 \u00b2 w1\nquorum g1", "expected any, all or 1 to 1"),
        (f"{witness_line('w1')}group g1 any w2\nquorum g1", "member 'w2' is not defined above"),
        (f"group g1 any w1\n{witness_line('w1')}quorum g1", "member 'w1' is not defined above"),
        (f"{witness_line('w1')}group g1 any none w1\nquorum g1", "member 'none' is not defined"),
        (f"{witness_line('w1')}group g1 all w1 w1\nquorum g1", "'w1' is a member twice"),
        (
            f"{witness_line('w1')}{witness_line('w2', 'X2')}{GROUPS}quorum g1",
            "'w1' is a member twice",
        ),
        (witness_line("w1"), "expected one quorum line, got none"),
        (f"{witness_line('w1')}quorum w1\nquorum w1", "expected one quorum line, got another"),
        ("quorum unknown\n", "quorum 'unknown' is not defined above"),
        (f"quorum w1\n{witness_line('w1')}", "quorum 'w1' is not defined above"),
        ("quorum\n", "got 'quorum'"),
        # And some more.
        (f"log {WITNESSES['X1'].cosigner.key.text}\nquorum none", "expected the key of a log"),
    ],
)
def test_what_is_no_policy_is_refused(text: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse(text)


def test_two_keys_that_cannot_be_told_apart_are_refused() -> None:
    # A log may cosign (ML-DSA); a witness with its name and id would be taken for it.
    public = (VECTORS / "witness_ml_dsa.vkey").read_text().strip()
    with pytest.raises(MalformedError, match="two keys have the same name and id"):
        parse(f"log {public}\nwitness w {public}\nquorum w\n")


def test_too_much_is_refused() -> None:
    with pytest.raises(LimitError, match="expected 4096 lines at most"):
        parse("\n" * 5000 + "quorum none")
    with pytest.raises(LimitError, match="expected 262144 bytes at most"):
        parse("#" * 300_000)


def test_as_many_logs_witnesses_and_groups_as_the_specification_asks_for() -> None:
    keys = [HonestWitness(f"w{n}").cosigner.key for n in range(32)]
    logs = [note_key(f"l{n}").key for n in range(32)]
    lines = [f"log {key.text}" for key in logs]
    lines += [f"witness w{n} {key.text}" for n, key in enumerate(keys)]
    lines += [f"group g{n} any w{n}" for n in range(31)]
    members = " ".join(f"g{n}" for n in range(31))
    policy = parse("\n".join([*lines, f"group top 31 {members}", "quorum top"]))
    assert policy.is_met_by([f"w{n}" for n in range(31)])
    assert not policy.is_met_by([f"w{n}" for n in range(30)])


def test_kinds_are_those_of_the_specification() -> None:
    assert [kind.value for kind in KeyKind] == [1, 4, 6]
    assert VerifierKey(name="a", kind=KeyKind.ED25519, public=bytes(32)).text.startswith("a+")
