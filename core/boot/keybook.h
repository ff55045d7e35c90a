/* keybook.h - the keys and teams that commands make: a file of gateway.lua's words beside the ledger, `keys.lua`, mode 0600, which is read
 * after gateway.lua and counts like it. A line of it is one key or one team; it has the digests of keys, never a key. One thread. */
#ifndef BOOT_KEYBOOK_H
#define BOOT_KEYBOOK_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

#define KEYBOOK_FILE "keys.lua"
#define KEYBOOK_MARK                                                                                                   \
    "keys.made" /* an empty file: keys were made here. A gateway whose keys are lost must not be open to all */

struct keybook;

/* What a command may change of a key's line; `rest` is what follows and stays as it is. Texts are lent from the keybook. */
struct keybook_key {
    bool enabled;
    struct text sha256;
    struct text previous; /* `{ sha256 = "...", ends = "..." }`; absent: none */
    struct text rest;     /* from its team on, without the end of the line */
};

/* Reads the file in `folder`, and keeps others from changing it until keybook_close(). One that is not there is empty. NULL with `fail`. */
struct keybook *keybook_open(const char *folder, struct fail *fail);
void keybook_close(struct keybook *keybook);
/* All of it, lent until the next change. */
struct text keybook_text(const struct keybook *keybook);

/* The key's line in parts. False with `fail`: it is not in this file, or somebody wrote its line by hand in another way. */
bool keybook_find(const struct keybook *keybook, struct text name, struct keybook_key *key, struct fail *fail);
/* Is there a line of that key, whether the running gateway knows it or not? */
bool keybook_has(const struct keybook *keybook, struct text name);
/* Adds the key, or changes the line of the one that has this name. Nothing is on the disk before keybook_save(). */
void keybook_put(struct keybook *keybook, struct text name, const struct keybook_key *key);
/* Adds a line: team "name" { ... }. */
void keybook_add_team(struct keybook *keybook, struct text name, struct text settings);

/* On the disk, whole or not at all. 0, or -1 with `fail`. */
int keybook_save(const struct keybook *keybook, struct fail *fail);
/* As it was when it was opened. */
void keybook_undo(struct keybook *keybook);

#endif
