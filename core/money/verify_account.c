/* verify_account.c - budgets as the journal's records make them: their sums at each hold, the balances that an OPEN carries. */
#include <inttypes.h>
#include <stdlib.h>

#include "money/verify_inside.h"

enum { NAME_MOST = 4096 };

/* Several texts as one key; it is written into `room`. */
static struct text key_of(char room[NAME_MOST], struct text a, struct text b, struct text c, struct text d)
{
    const struct text parts[] = { a, b, c, d };
    size_t len = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t part = parts[i].len < NAME_MOST / 4 - 1 ? parts[i].len : NAME_MOST / 4 - 1;
        if (part > 0)
            memcpy(room + len, parts[i].ptr, part);
        len += part;
        room[len++] = '\0';
    }
    return (struct text){ room, len };
}

static struct budget *find(const struct verify *v, struct text kind, struct text id, struct text per, struct text zone)
{
    char room[NAME_MOST];
    return map_get(&v->budgets, key_of(room, kind, id, per, zone));
}

static struct budget *make(struct verify *v, struct text kind, struct text id, struct text per, struct text zone)
{
    char room[NAME_MOST];
    struct budget *b = arena_new(&v->arena, struct budget);
    struct text owner = arena_text(&v->arena, key_of(room, kind, id, TEXT_NONE, TEXT_NONE));

    *b = (struct budget){ .kind = arena_text(&v->arena, kind),
                          .id = arena_text(&v->arena, id),
                          .per = arena_text(&v->arena, per),
                          .zone = arena_text(&v->arena, zone) };
    map_put(&v->budgets, arena_text(&v->arena, key_of(room, kind, id, per, zone)), b);
    if (text_is(kind, "model")) {
        b->next = v->models;
        v->models = b;
    } else {
        b->next = map_put(&v->owners, owner, b);
    }
    return b;
}

/* The place of the last period that begins at `at_s` or before; -1: there is none. */
static ptrdiff_t place_of(const struct budget *b, int64_t at_s)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (b->tallies[middle].begins_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return (ptrdiff_t)low - 1;
}

static void add_period(struct budget *b, int64_t begins_s)
{
    ptrdiff_t place = place_of(b, begins_s);
    if (place >= 0 && b->tallies[place].begins_s == begins_s)
        return;
    if (b->count == b->room) {
        b->room = b->room == 0 ? 4 : b->room * 2;
        b->tallies = realloc(b->tallies, b->room * sizeof *b->tallies);
        BUG_IF(b->tallies == NULL);
    }
    struct tally *at = b->tallies + place + 1;
    memmove(at + 1, at, (size_t)(b->tallies + b->count - at) * sizeof *at);
    *at = (struct tally){ .begins_s = begins_s };
    b->count++;
}

static void note(struct verify *v, struct text kind, struct text id, struct text per, struct text zone,
                 int64_t begins_s)
{
    struct budget *b = find(v, kind, id, per, zone);
    add_period(b != NULL ? b : make(v, kind, id, per, zone), begins_s);
}

void verify_find_budgets(struct verify *v, const struct record *record)
{
    const struct record_account *a = record->accounts.items;
    const struct record_balance *b = record->balances.items;
    for (size_t i = 0; i < record->accounts.count; i++)
        note(v, a[i].kind, a[i].id, a[i].per, a[i].zone, a[i].begins_s);
    for (size_t i = 0; i < record->balances.count; i++)
        note(v, b[i].kind, b[i].id, b[i].per, b[i].zone, b[i].begins_s);
}

/* The longest that a period can be: a day of 25 hours where clocks are put back. INT64_MAX: it has no end. */
static int64_t longest(struct text per)
{
    enum { HOUR = 3600, DAY = 24 * HOUR };
    return text_is(per, "day")     ? DAY + HOUR
           : text_is(per, "week")  ? 7 * DAY + HOUR
           : text_is(per, "month") ? 31 * DAY + HOUR
                                   : INT64_MAX;
}

/* The period that an admission is in. Its end is not in the journal: the next one's beginning is. */
static struct tally *tally_at(const struct budget *b, int64_t at_s)
{
    ptrdiff_t place = place_of(b, at_s);
    return place >= 0 && at_s - b->tallies[place].begins_s < longest(b->per) ? &b->tallies[place] : NULL;
}

static struct tally *tally_of(const struct verify *v, struct text kind, struct text id, struct text per,
                              struct text zone, int64_t begins_s)
{
    const struct budget *b = find(v, kind, id, per, zone);
    ptrdiff_t place = b != NULL ? place_of(b, begins_s) : -1;
    return place >= 0 && b->tallies[place].begins_s == begins_s ? &b->tallies[place] : NULL;
}

/* Calls `each` for the period of every budget that a request is charged to. */
struct charge {
    struct verify *v;
    const struct record *whose, *end;
    void (*each)(const struct charge *c, struct tally *t);
};

static void charge_owner(const struct charge *c, const char *kind, struct text id)
{
    char room[NAME_MOST];
    if (id.ptr == NULL)
        return;
    for (const struct budget *b = map_get(&c->v->owners, key_of(room, text_of(kind), id, TEXT_NONE, TEXT_NONE));
         b != NULL; b = b->next) {
        struct tally *t = tally_at(b, c->whose->admitted_ms / 1000);
        if (t != NULL)
            c->each(c, t);
    }
}

/* "team/user" */
static void charge_part(const struct charge *c, const char *kind, struct text whole, struct text part)
{
    char id[NAME_MOST / 4];
    if (whole.ptr == NULL || part.ptr == NULL)
        return;
    snprintf(id, sizeof id, "%.*s/%.*s", TEXT_ARG(whole), TEXT_ARG(part));
    charge_owner(c, kind, text_of(id));
}

/* 0: it is not the request's; of those whose number is the highest it is. What was asked for directly is that of the models whose target it
 * is, else the name itself counts before families, and the longest of these. */
static size_t nearness(const struct record *r, struct text id)
{
    const struct text *of = r->target_of.items;
    for (size_t i = 0; i < r->target_of.count; i++)
        if (text_eq(of[i], id))
            return SIZE_MAX;
    return text_eq(r->model, id) ? SIZE_MAX - 1 : text_matches(r->model, id) ? id.len : 0;
}

static void charge_models(const struct charge *c)
{
    const struct record *r = c->whose;
    size_t nearest = 1;
    for (const struct budget *b = c->v->models; b != NULL; b = b->next)
        if (nearness(r, b->id) > nearest)
            nearest = nearness(r, b->id);
    for (const struct budget *b = c->v->models; b != NULL; b = b->next) {
        struct tally *t = nearness(r, b->id) == nearest ? tally_at(b, r->admitted_ms / 1000) : NULL;
        if (t != NULL)
            c->each(c, t);
    }
}

static void charge_all(const struct charge *c)
{
    const struct record *r = c->whose;
    charge_owner(c, "all", TEXT("all"));
    charge_owner(c, "team", r->team);
    charge_owner(c, "key", r->key);
    charge_owner(c, "project", r->project);
    charge_owner(c, "provider", r->provider);
    charge_part(c, "user", r->team, r->user);
    charge_part(c, "session", r->team, r->session);
    charge_part(c, "key_session", r->key, r->session);
    for (struct text rest = r->tags; rest.ptr != NULL;)
        charge_owner(c, "tag", text_trim(text_cut(&rest, ',')));
    charge_models(c);
}

static void end_one(const struct charge *c, struct tally *t)
{
    verify_add(c->v, c->end, &t->spent, c->end->cost);
    verify_add(c->v, c->end, &t->doubt, c->end->doubt);
    verify_add(c->v, c->end, &t->soft_doubt, c->end->soft_doubt);
    if (c->whose == c->end)
        return;
    t->held -= c->whose->hard;
    t->soft_held -= c->whose->soft;
    t->open--;
}

void verify_end_accounts(struct verify *v, const struct record *whose, const struct record *end)
{
    struct charge c = { v, whose, end, end_one };
    charge_all(&c);
}

static void hold_one(const struct charge *c, struct tally *t)
{
    t->held += c->whose->hard;
    t->soft_held += c->whose->soft;
    t->open++;
}

/* Both sums at each hold, in the order of the journal. */
static void check_account(struct verify *v, const struct record *hold, const struct record_account *a,
                          const struct tally *t)
{
    int64_t most = t->spent + t->doubt + t->held + hold->hard;
    int64_t expected = t->spent + t->soft_doubt + t->soft_held + hold->soft;
    bool alone = t->open == 0 && t->spent + t->soft_doubt < a->limit;
    if (a->number != t->number + 1)
        verify_broken(v, hold, "it is hold %" PRIu64 " of %.*s \"%.*s\" and the one before was %" PRIu64, a->number,
                      TEXT_ARG(a->kind), TEXT_ARG(a->id), t->number);
    if (a->begins_s > hold->admitted_ms / 1000)
        verify_broken(v, hold, "it was admitted before the period that it is charged to");
    if (hold->admitted_ms / 1000 - a->begins_s >= longest(a->per))
        verify_broken(v, hold, "it was admitted after the period that it is charged to");
    if (a->ends_s > 0 && hold->admitted_ms / 1000 >= a->ends_s)
        verify_broken(v, hold, "it was admitted after the period that it is charged to");
    if (a->only_report != 0)
        return;
    if (most > a->ceiling)
        verify_broken(v, hold, "with it %.*s \"%.*s\" can pass its ceiling by %" PRId64 " nano-dollars",
                      TEXT_ARG(a->kind), TEXT_ARG(a->id), most - a->ceiling);
    if (expected > a->limit && !alone)
        verify_broken(v, hold, "with it %.*s \"%.*s\" is expected to pass its limit by %" PRId64 " nano-dollars",
                      TEXT_ARG(a->kind), TEXT_ARG(a->id), expected - a->limit);
}

void verify_take_hold(struct verify *v, const struct record *hold)
{
    struct charge c = { v, hold, NULL, hold_one };
    charge_all(&c);
}

void verify_hold_accounts(struct verify *v, const struct record *hold)
{
    const struct record_account *a = hold->accounts.items;
    verify_find_budgets(v, hold); /* it may have been written since the first reading */
    for (size_t i = 0; i < hold->accounts.count; i++) {
        struct tally *t = tally_of(v, a[i].kind, a[i].id, a[i].per, a[i].zone, a[i].begins_s);
        check_account(v, hold, &a[i], t);
        t->number = a[i].number;
    }
    verify_take_hold(v, hold);
}

void verify_balances(struct verify *v, const struct record *open)
{
    const struct record_balance *b = open->balances.items;
    for (size_t i = 0; i < open->balances.count; i++) {
        const struct tally *t = tally_of(v, b[i].kind, b[i].id, b[i].per, b[i].zone, b[i].begins_s);
        if (b[i].spent != t->spent || b[i].doubt != t->doubt || b[i].soft_doubt != t->soft_doubt ||
            b[i].number != t->number)
            verify_broken(v, open,
                          "it carries over %.*s \"%.*s\" as %" PRId64 "/%" PRId64 "/%" PRId64 "/%" PRIu64
                          " (nano-dollars spent, in doubt, expected of that, holds), and the records make it %" PRId64
                          "/%" PRId64 "/%" PRId64 "/%" PRIu64,
                          TEXT_ARG(b[i].kind), TEXT_ARG(b[i].id), b[i].spent, b[i].doubt, b[i].soft_doubt, b[i].number,
                          t->spent, t->doubt, t->soft_doubt, t->number);
    }
}

void verify_take_balances(struct verify *v, const struct record *open)
{
    const struct record_balance *b = open->balances.items;
    for (size_t i = 0; i < v->budgets.count; i++) {
        struct budget *all = v->budgets.entries[i].value;
        for (size_t n = 0; n < all->count; n++)
            all->tallies[n].held = all->tallies[n].soft_held = 0, all->tallies[n].open = 0;
    }
    for (size_t i = 0; i < open->balances.count; i++) {
        struct tally *t = tally_of(v, b[i].kind, b[i].id, b[i].per, b[i].zone, b[i].begins_s);
        t->spent = b[i].spent;
        t->doubt = b[i].doubt;
        t->soft_doubt = b[i].soft_doubt;
        t->number = b[i].number;
    }
}

void verify_free_budgets(struct verify *v)
{
    for (size_t i = 0; i < v->budgets.count; i++)
        free(((struct budget *)v->budgets.entries[i].value)->tallies);
    map_fini(&v->budgets);
    map_fini(&v->owners);
}
