/* match.h - Lua's patterns, with every step counted. Only script/ includes this. */
#ifndef SCRIPT_MATCH_H
#define SCRIPT_MATCH_H

#include <lua.h>
#include <stddef.h>

enum { MATCH_CAPTURES = 32, MATCH_UNFINISHED = -1, MATCH_POSITION = -2 };

struct match {
    lua_State *L;
    const char *from, *end, *pattern_end;
    int depth; /* calls that may still be made */
    int level; /* captures, finished and not */
    struct {
        const char *at;
        ptrdiff_t len;
    } captures[MATCH_CAPTURES];
};

void match_init(struct match *m, lua_State *L, const char *s, size_t len, const char *pattern, size_t pattern_len);
/* The end of the match of `pattern` at `s`; NULL: none. Raises where the pattern is wrong, or the run has used up its steps. */
const char *match_at(struct match *m, const char *s, const char *pattern);
/* Pushes capture `i`; where there is none and i is 0, the whole match. */
void match_push(struct match *m, int i, const char *s, const char *e);
/* Pushes all of them; returns how many. */
int match_push_all(struct match *m, const char *s, const char *e);

#endif
