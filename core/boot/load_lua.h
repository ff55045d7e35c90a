/* load_lua.h - what the load_*.c files share: the one Lua state that gateway.lua runs in. Boot thread. */
#ifndef BOOT_LOAD_LUA_H
#define BOOT_LOAD_LUA_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "boot/complain.h"
#include "boot/declare.h"

/* A Lua error leaves by longjmp, so nothing here may own memory but the arena and `json`. */
struct load_lua {
    struct declared *declared;
    struct complaints *complaints;
    struct buf json;            /* a setting being written as JSON */
    size_t memory, memory_most; /* bytes the state holds, and may */
    int lines_before;           /* what is added to a line: 0, or COMPLAIN_SECOND */
    int64_t cpu_end_ns;
};

/* What complaints name: the line of the call, and `provider "claude"`. */
struct load_place {
    int line;
    const char *where;
};

/* The loader of a state. */
struct load_lua *load_of(lua_State *L);
/* The line of gateway.lua that called the running C function; 0 when it cannot be reported. */
int load_line(lua_State *L);
/* `where: text`, at the place's line. */
void load_complain(lua_State *L, const struct load_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "a string", "a secret" ...: what stands at `index`, never its content. Static. */
const char *load_type(lua_State *L, int index);
/* A name from the file, shortened where it is too long to be one: it might be a secret in the wrong place. Arena. */
const char *load_name(lua_State *L, struct text name);
/* The string at `index`, lent while it is on the stack. */
struct text load_text(lua_State *L, int index);
/* The string keys of the table at `index`, sorted, arena. */
const char **load_keys(lua_State *L, int index, size_t *count);

/* load_read.c: reads the table at `index` by the rows of `word` into its declaration. */
void load_read_settings(lua_State *L, int index, const struct load_place *place, const char *word, void *into);
/* load_list.c: the settings that are more than one value. `index` is absolute. */
void load_read_list(lua_State *L, int index, const struct load_place *place, const char *setting,
                    struct declare_texts *out);
void load_read_secrets(lua_State *L, int index, const struct load_place *place, const char *setting,
                       struct declare_secrets *out);
void load_read_targets(lua_State *L, int index, const struct load_place *place, const char *setting,
                       struct declare_targets *out);
void load_read_headers(lua_State *L, int index, const struct load_place *place, struct declare_headers *out);
void load_read_places(lua_State *L, int index, const struct load_place *place, struct declare_places *out);
/* { name = "value" } as "name=value,name=value", sorted; arena. */
void load_read_tags(lua_State *L, int index, const struct load_place *place, struct text *out);
/* load_price.c: "free", or a table of prices. *out is arena. */
/* The value on top of the stack, US dollars; a complaint where it is none. */
void load_read_usd(lua_State *L, const struct load_place *place, const char *setting, int64_t *out);
/* The settings of "budget", or a list of such. */
void load_read_budgets(lua_State *L, int index, const struct load_place *place, const char *setting,
                       struct declare_budgets *out);
void load_read_price(lua_State *L, int index, const struct load_place *place, const struct tariff **out);
void load_read_extras(lua_State *L, int index, const char **names, size_t count, struct declare_extras *out);
/* A string for people and logs: not empty, UTF-8, no control characters. False after a complaint. */
bool load_read_string(lua_State *L, int index, const struct load_place *place, const char *setting, struct text *out);

/* load_json.c: the value at `index` as JSON text, arena; empty, and *wrong is the reason (static), when it cannot be. */
struct text load_write_json(lua_State *L, int index, const char **wrong);

/* load_secret.c: makes env and file, and leaves them as fields of the table on top of the stack. */
void load_open_secrets(lua_State *L);
/* True, and *out, when a handle stands at `index`. */
bool load_get_secret(lua_State *L, int index, struct declare_secret *out);

/* load_words.c: leaves the words as fields of the table on top of the stack. */
void load_open_words(lua_State *L);
/* load_sandbox.c: leaves the table of globals, which complains of unknown names, on the stack. */
void load_open_globals(lua_State *L);
/* True for what an unknown name stands for after it was complained of. */
bool load_is_unknown(lua_State *L, int index);

/* load_eval.c: runs the source. What is wrong is in `complaints`; what it declared is in `declared`. -1 when it
 * did not run to its end: then not all is declared. */
int load_evaluate(struct text source, int lines_before, struct declared *declared, struct complaints *complaints);

#endif
