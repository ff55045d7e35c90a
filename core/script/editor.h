/* editor.h - files for editors of policies, made of the tables of words: what they complete and check is what a hook has. Any thread. */
#ifndef SCRIPT_EDITOR_H
#define SCRIPT_EDITOR_H

#include "base/buf.h"

/* gw.lua: the words with their types, for lua-language-server. Appended. */
void editor_write_luals(struct buf *out);
/* .luarc.json: its settings. Appended. */
void editor_write_luarc(struct buf *out);
/* The names that a policy sees, as a std of luacheck: `stds.policy = {...}`. Appended. */
void editor_write_std(struct buf *out);

#endif
