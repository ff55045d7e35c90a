/* members.h - the members of a request that decide more than the answer: where it goes, with whose credentials, and which
 * model answers. Services read more of them than the gateway does, so what they know stands here as data. Any thread. */
#ifndef FACE_MEMBERS_H
#define FACE_MEMBERS_H

#include "base/fail.h"
#include "canon/ask.h"

/* Reads the top-level members (ask->scan) and those of `extra_body`. Refused is: what chooses an upstream's address or
 * credential; a name that differs from a known one only by case, as some servers read it as that one. What chooses a model goes
 * to ask->choice, for the key's allow-list. 0, or -1 with `fail`. */
int members_check(struct arena *arena, struct ask *ask, struct fail *fail);
/* The same for one field of a form. */
int members_check_field(struct arena *arena, struct ask *ask, struct text name, struct text value, struct fail *fail);
/* The known name that `name` differs from only by case; NULL: none does. */
const char *members_misspelt(struct text name);

#endif
