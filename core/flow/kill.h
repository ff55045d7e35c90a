/* kill.h - keys and sessions that are switched off at once, by name: what they ask is refused, and their streams end. Any thread.
 *
 * The list is a file that outlives the gateway: a line "key NAME" or "session ID" for each. */
#ifndef FLOW_KILL_H
#define FLOW_KILL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fail.h"
#include "base/text.h"

struct config;
struct kill;

enum kill_kind { KILL_KEY, KILL_SESSION };

#define KILL_FILE "switched-off" /* in the ledger's folder */

/* "key", "session". Static. */
const char *kill_kind_name(enum kill_kind kind);
/* Reads FOLDER/switched-off; none is an empty list. Given; NULL with `fail` (FAIL_OPERATOR): it cannot be read. */
struct kill *kill_open(const char *folder, struct fail *fail);
void kill_close(struct kill *kill);
/* Reads the file anew: another process may have written it since. -1 with `fail`: the list stays as it was. */
int kill_reload(struct kill *kill, struct fail *fail);
/* From now on only keys of this configuration are switched off; it gets one more reference, the one before loses it. Any thread. */
void kill_know_keys(struct kill *kill, struct config *config);
/* Switches one off, or on again, and writes the file. *changed: it was not so before. -1 with `fail`: nothing has changed; also where there
 * is no such key, and where what is to be switched on is neither off nor a key. */
int kill_set(struct kill *kill, enum kill_kind kind, struct text name, bool off, bool *changed, struct fail *fail);
/* How often the list has changed: who has looked at it need not look again while this is the same. */
unsigned kill_generation(const struct kill *kill);
/* Is the key or the session (absent: none) switched off? *kind: which of them. */
bool kill_is_off(struct kill *kill, struct text key, struct text session, enum kill_kind *kind);
/* Each of them, in the order in which they were switched off. */
void kill_each(struct kill *kill, void (*visit)(void *owner, enum kill_kind kind, struct text name), void *owner);

#endif
