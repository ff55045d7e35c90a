/* purges.h - what the operator has purged: a generation for each team, model and entry that is part of the keys, so that what was kept before
 * is found no more, and what is under way is not found either when it is kept later. Nothing is deleted: it goes with its time. Any thread. */
#ifndef CACHE_PURGES_H
#define CACHE_PURGES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"
#include "cache/key.h"

#define PURGES_NAME_LEN CACHE_KEY_NAME /* an entry is named so in the access log */

struct purges;

/* Given. */
struct purges *purges_new(void);
void purges_free(struct purges *purges);
/* What a file has that purges_save() wrote; nothing where there is none. 0, or -1 with `fail` (FAIL_OPERATOR). Boot thread. */
int purges_load(struct purges *purges, const char *path, struct fail *fail);
/* For a cache that outlives this process. 0, or -1 with `fail` (FAIL_OPERATOR): the file is as it was. */
int purges_save(struct purges *purges, const char *path, struct fail *fail);
/* Entries of that team and model; absent: of all. */
void purges_add(struct purges *purges, struct text team, struct text model);
/* One entry. */
void purges_add_entry(struct purges *purges, struct text name);
/* Appends the generation of a team's entries of a model; nothing where there is none. */
void purges_write(struct purges *purges, struct text team, struct text model, struct buf *out);
/* How often the entry was purged. */
unsigned purges_of_entry(struct purges *purges, struct text name);

#endif
