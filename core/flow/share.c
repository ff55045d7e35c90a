/* share.c - batches of a limit. */
#include "flow/share.h"

#include <stdbool.h>

enum { PARTS = 4, TENTHS = 10 };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t share_turn(struct share *s, int64_t minute)
{
    if (s->minute == minute || s->minute == minute + 1)
        return 0;
    bool follows = s->minute == minute - 1;
    int64_t rest =
        follows && s->before >= 0 ? larger(0, s->left - s->owed) : 0; /* what is owed was never added there */
    *s = (struct share){ .minute = minute, .before = -1, .own = follows ? s->seen - s->left : 0 };
    return rest;
}

int64_t share_room(const struct share *s, int64_t limit, int64_t second)
{
    int64_t before = s->before >= 0 ? s->before : s->own;
    return limit - (before * (SHARE_MINUTE - second) + SHARE_MINUTE - 1) / SHARE_MINUTE;
}

enum share_state share_look(const struct share *s, const struct share_ask *ask)
{
    if (s->before < 0)
        return SHARE_LACKS;
    if (s->left >= ask->more)
        return SHARE_HAS;
    int64_t need = ask->more - s->left;
    return s->seen + need > share_room(s, ask->limit, ask->second) ? SHARE_FULL : SHARE_LACKS;
}

int64_t share_batch(const struct share *s, const struct share_ask *ask)
{
    int64_t left = share_room(s, ask->limit, ask->second) - s->seen;
    int64_t part = smaller(left / (PARTS * (int64_t)ask->gateways), ask->limit / TENTHS);
    return larger(larger(ask->more - s->left, part), 1);
}

int64_t share_add(struct share *s, const struct share_ask *ask, int64_t batch, int64_t owed, enum share_end end,
                  int64_t total)
{
    int64_t others = end == SHARE_ADDED ? total - batch : s->seen;
    int64_t granted = larger(0, smaller(batch, share_room(s, ask->limit, ask->second) - others));
    if (s->left + granted < ask->more) /* nobody gets in by it: others may use what there is */
        granted = 0;
    s->left += granted;
    if (end == SHARE_AWAY) {
        s->seen += granted;
        s->owed += granted;
        return 0;
    }
    if (end == SHARE_ADDED)
        s->owed -= owed; /* else it is added once more: to count twice is too strict, and not to count is too many */
    s->seen = others + (end == SHARE_ADDED ? granted : batch);
    return end == SHARE_ADDED ? batch - granted : 0;
}
