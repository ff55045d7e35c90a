/* control.h - how a command reaches the running gateway: a unix socket `control` in the ledger's folder, which the process that
 * keeps the ledger serves, mode 0600. A question is one line of JSON with a member `verb`, the answer one line:
 * {"ok":true, ...} or {"ok":false,"error":"..."}.
 *
 * What a gateway can be asked is a table of verbs: who owns a thing adds its verb where the gateway starts (start.c). */
#ifndef BOOT_CONTROL_H
#define BOOT_CONTROL_H

#include <stddef.h>

#include "base/fail.h"
#include "base/json.h"

struct control;

/* Longer questions and answers are refused. */
#define CONTROL_LINE_MOST (1u << 20)

struct control_verb {
    const char *name; /* "ledger.resolve"; static */
    /* On the control's own thread, one question at a time. `ask` is the question, `answer` stands in an object, behind "ok":
     * add members. 0; or -1 with `fail`, whose text the asker gets instead. */
    int (*run)(void *owner, const struct json *ask, struct json_writer *answer, struct fail *fail);
    void *owner;
};

/* Serves the verbs, which are kept, on a thread of its own until control_close(). Only the process that holds the ledger's lock may
 * call it: a socket that an earlier one left is replaced. NULL with `fail` (FAIL_OPERATOR). Given. */
struct control *control_open(const char *folder, const struct control_verb *verbs, size_t count, struct fail *fail);
/* Waits for the question that is being answered, and takes the socket away. */
void control_close(struct control *control);

/* Another process serves the folder from here on, with a socket of its own: control_close() leaves that alone. */
void control_hand_over(struct control *control);

/* No gateway serves that folder: whoever takes the ledger's lock may act himself. */
#define CONTROL_NOBODY 1
/* Asks the gateway that keeps the ledger in `folder`: `ask` is one JSON object. 0 and *answer, the parsed answer, in the arena
 * (its `ok` is true); CONTROL_NOBODY; or -1 with `fail`: what the gateway refused and why, or that it did not answer. */
int control_ask(const char *folder, struct text ask, struct arena *arena, const struct json **answer,
                struct fail *fail);
/* Asks it to load its configuration; `*answer` as of the verb config.reload. While the program is upgraded the process that answers may be about
 * to end: then the next one is asked. As control_ask(). */
int control_reload(const char *folder, struct arena *arena, const struct json **answer, struct fail *fail);

#endif
