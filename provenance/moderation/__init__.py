"""What people report, what trained people decide about it, and what follows.

Three things stay apart, in data, in code and in words:

- the *provenance verdict* is a machine's, from signatures, trust and the register;
- a *resemblance* is a machine's too, and a lead, never a verdict;
- a *decision* is a named person's, under a named version of a policy.

Nothing here changes the first two, and none of them is ever that something is "fake".

    complaint ──▶ case ──▶ decision ──▶ actions, statements of reasons
        │           ▲          │
        └── more ───┘       appeal ──▶ another reviewer ──▶ a new decision

The words are in `vocabulary`, the records in `model`, the only moves there are in
`transitions`. Whatever moves writes an entry of the audit in the same transaction.
"""
