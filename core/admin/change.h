/* change.h - a change of keys.lua from within the running gateway: checked first, recorded, written, and in use when it ends. */
#ifndef ADMIN_CHANGE_H
#define ADMIN_CHANGE_H

#include "admin/call.h"
#include "boot/key_line.h"
#include "boot/keybook.h"

struct change {
    struct admin_call *call;
    struct keybook *book;
};

/* Opens keys.lua, runs `make`, and closes it. Nobody else changes the file meanwhile, and call->config is the snapshot with all earlier changes.
 * What `make` returned; -1 with call->fail where the file cannot be opened. */
int change_run(struct admin_call *call, int (*make)(struct change *change));
/* As admin_record(); then on the disk and in use. -1 with call->fail: nothing was changed. */
int change_apply(struct change *change, struct text target, struct text from, struct text to);
/* The same for a key that was switched off in the book: where gateway.lua is refused for another reason, the key is switched off as by
 * `llm-gateway kill`. */
int change_revoke(struct change *change, struct text name, struct text from);

/* The settings in a body, over those in `line`; `line` and `body` are kept. */
int change_settings(struct admin_call *call, struct key_line *line);
/* What the answer to the caller may not have more of than the caller has itself: a key_maker's bounds. -1 with call->fail, 403. */
int change_is_within(struct admin_call *call, const struct key_line *line);

#endif
