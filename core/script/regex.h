/* regex.h - PCRE2 with bounds: its memory is the policy's, its time is the run's. Only script/ includes this. */
#ifndef SCRIPT_REGEX_H
#define SCRIPT_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "script/state.h"

enum { REGEX_CAPTURES = 32, REGEX_PATTERN_MOST = 16 << 10 };

/* A pattern. Zeroed before regex_compile(). */
struct regex {
    struct script_state *state;
    void *general, *code, *limits, *match; /* of PCRE2 */
    size_t held;                           /* bytes that `match` has for its frames, and `match` */
    size_t char_ns;                        /* what a character may cost its heaviest item */
    unsigned captures;
    bool looks_back; /* it compares with what it has captured */
};

/* Where it was found: begin and end of the whole match, then of each capture. SIZE_MAX: the capture is not in it. */
struct regex_hit {
    size_t at[2 * (REGEX_CAPTURES + 1)];
};

enum regex_end {
    REGEX_NONE,
    REGEX_FOUND,
    REGEX_STOPPED, /* the run has used up its bounds: state_spend() raises */
    REGEX_WRONG,   /* `why` */
};

/* Takes what it needs from the memory of the state. False with `why`: PCRE2's own message and the offset in the pattern. regex_fini() in both cases. */
bool regex_compile(struct regex *r, struct script_state *state, struct text pattern, char *why, size_t why_len);
void regex_fini(struct regex *r);
/* Looks from the offset `from` on in `subject`, which is UTF-8. `moves`: an empty match at `from` does not count. Raises nothing. */
enum regex_end regex_find(struct regex *r, struct text subject, size_t from, bool moves, struct regex_hit *hit,
                          char *why, size_t why_len);

#endif
