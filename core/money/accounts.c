/* accounts.c - a table of accounts by kind and id, with chains. */
#include "money/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/map.h"

enum { BUCKETS_FIRST = 64, SWEEP_FIRST = 4096, GRACE_S = 86400 };

/* "team/session": both are bounded by the longest text of a record. */
struct id {
    char bytes[2 * RECORD_TEXT_MOST + 1];
    size_t len;
};

static bool is_for_each(enum account_kind kind)
{
    return kind == ACCOUNT_USER || kind == ACCOUNT_SESSION || kind == ACCOUNT_KEY_SESSION;
}

static uint64_t hash_of(enum account_kind kind, struct text id)
{
    return map_hash(id.ptr != NULL ? id.ptr : "", id.len) * (2 * (uint64_t)kind + 1);
}

static void put(struct accounts *all, struct account *account)
{
    struct account **bucket = &all->buckets[account->hash & (all->bucket_count - 1)];
    while (*bucket != NULL) /* at its end: in the order of the configuration */
        bucket = &(*bucket)->next;
    account->next = NULL;
    *bucket = account;
}

static void grow(struct accounts *all)
{
    struct accounts old = *all;
    all->bucket_count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    all->buckets = calloc(all->bucket_count, sizeof(struct account *));
    BUG_IF(all->buckets == NULL);
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct account *a = old.buckets[i], *next; a != NULL; a = next) {
            next = a->next;
            put(all, a);
        }
    free(old.buckets);
}

static struct account *add_account(struct accounts *all, enum account_kind kind, struct text id,
                                   const struct config_budget *terms)
{
    struct account *account = calloc(1, sizeof *account);
    BUG_IF(account == NULL);
    if (all->count >= all->bucket_count)
        grow(all);
    *account = (struct account){ .hash = hash_of(kind, id), .kind = kind, .id = id, .terms = terms };
    put(all, account);
    all->count++;
    return account;
}

void accounts_open(struct accounts *all, const struct accounts_rule *rules, size_t count)
{
    *all = (struct accounts){ .sweep_at = SWEEP_FIRST };
    grow(all);
    all->rules = calloc(count + 1, sizeof *all->rules);
    all->patterns = calloc(count + 1, sizeof(struct account *));
    BUG_IF(all->rules == NULL || all->patterns == NULL);
    for (size_t i = 0; i < count; i++) {
        all->of_kind[rules[i].kind]++;
        if (is_for_each(rules[i].kind)) {
            all->rules[all->rule_count++] = rules[i];
            continue;
        }
        struct account *account = add_account(all, rules[i].kind, rules[i].id, rules[i].terms);
        if (account->kind == ACCOUNT_MODEL && text_ends(account->id, TEXT("*")))
            all->patterns[all->pattern_count++] = account;
    }
}

static void drop(struct accounts *all, struct account *account)
{
    all->count--;
    account_fini(account);
    if (account->on_demand) {
        all->on_demand--;
        free((void *)(uintptr_t)account->id.ptr);
    }
    free(account);
}

void accounts_fini(struct accounts *all)
{
    for (size_t i = 0; i < all->bucket_count; i++)
        for (struct account *a = all->buckets[i], *next; a != NULL; a = next) {
            next = a->next;
            drop(all, a);
        }
    free(all->buckets);
    free(all->rules);
    free(all->patterns);
    *all = (struct accounts){ .count = 0 };
}

/* It was asked, and nobody was let in: a client may name sessions and end users without end. */
static bool is_untouched(const struct account_period *p)
{
    return p->number == 0 && p->spent == 0 && p->doubt == 0 && p->soft_doubt == 0;
}

/* Nothing is in flight, and its last period has been over for a while: a clock that is set back a little finds it again. */
static bool is_over(const struct account *account, int64_t now_s)
{
    if (account->handles > 0)
        return false;
    for (const struct account_period *p = account->latest; p != NULL; p = p->earlier)
        if (p->open > 0 || p->waiting > 0 || (p->ends_s > now_s - GRACE_S && !is_untouched(p)))
            return false;
    return true;
}

void accounts_sweep(struct accounts *all)
{
    int64_t now_s = clock_unix_ms() / 1000;
    for (size_t i = 0; i < all->bucket_count; i++)
        for (struct account **at = &all->buckets[i]; *at != NULL;) {
            struct account *account = *at;
            if (account->on_demand && is_over(account, now_s)) {
                *at = account->next;
                drop(all, account);
            } else {
                at = &account->next;
            }
        }
    all->sweep_at = all->on_demand * 2 > SWEEP_FIRST ? all->on_demand * 2 : SWEEP_FIRST;
}

/* Appends the accounts of that kind and id. */
static size_t find(const struct accounts *all, enum account_kind kind, struct text id, struct account **out)
{
    uint64_t hash = hash_of(kind, id);
    size_t n = 0;
    for (struct account *a = all->buckets[hash & (all->bucket_count - 1)]; a != NULL; a = a->next)
        if (a->hash == hash && a->kind == kind && text_eq(a->id, id))
            out[n++] = a;
    return n;
}

static bool has_terms(struct account *const *accounts, size_t count, const struct config_budget *terms)
{
    for (size_t i = 0; i < count; i++)
        if (accounts[i]->terms == terms)
            return true;
    return false;
}

/* The accounts that the rules of a team or key give to one of its sessions or end users: `n` are there; those of them that were swept, as
 * their period was over, are made again. */
static size_t make_each(struct accounts *all, enum account_kind kind, struct text owner, struct text id,
                        struct account **out, size_t n)
{
    for (size_t i = 0; i < all->rule_count; i++) {
        const struct accounts_rule *rule = &all->rules[i];
        if (rule->kind != kind || !text_eq(rule->id, owner) || has_terms(out, n, rule->terms))
            continue;
        char *copy = malloc(id.len);
        BUG_IF(copy == NULL);
        memcpy(copy, id.ptr, id.len);
        out[n] = add_account(all, kind, (struct text){ copy, id.len }, rule->terms);
        out[n++]->on_demand = true;
        all->on_demand++;
    }
    return n;
}

static size_t each(struct accounts *all, enum account_kind kind, struct text owner, struct text who, bool make,
                   struct account **out)
{
    struct id id;
    if (all->of_kind[kind] == 0 || owner.len == 0 || who.len == 0)
        return 0;
    BUG_IF(owner.len > RECORD_TEXT_MOST || who.len > RECORD_TEXT_MOST);
    memcpy(id.bytes, owner.ptr, owner.len);
    id.bytes[owner.len] = '/';
    memcpy(id.bytes + owner.len + 1, who.ptr, who.len);
    id.len = owner.len + 1 + who.len;
    size_t n = find(all, kind, (struct text){ id.bytes, id.len }, out);
    return make ? make_each(all, kind, owner, (struct text){ id.bytes, id.len }, out, n) : n;
}

static size_t one(const struct accounts *all, enum account_kind kind, struct text id, struct account **out)
{
    return all->of_kind[kind] == 0 || id.len == 0 ? 0 : find(all, kind, id, out);
}

static size_t of_tags(const struct accounts *all, struct text tags, struct account **out)
{
    size_t n = 0;
    for (unsigned i = 0; i < ACCOUNTS_TAGS_MOST && all->of_kind[ACCOUNT_TAG] > 0 && tags.len > 0; i++)
        n += find(all, ACCOUNT_TAG, text_cut(&tags, ','), out + n);
    return n;
}

/* What was asked for directly, as a provider's, is its models'. Names of families are patterns, and the longest that fits counts, as for the route. */
static size_t of_model(const struct accounts *all, const struct record *whose, struct account **out)
{
    const struct text model = whose->model, *of = whose->target_of.items;
    size_t n = 0, longest = 0;
    for (size_t i = 0; i < whose->target_of.count && i < ACCOUNTS_MODELS_MOST; i++)
        n += one(all, ACCOUNT_MODEL, of[i], out + n);
    if (n == 0)
        n = one(all, ACCOUNT_MODEL, model, out);
    for (size_t i = 0; n == 0 && i < all->pattern_count; i++)
        if (all->patterns[i]->id.len > longest && text_matches(model, all->patterns[i]->id))
            longest = all->patterns[i]->id.len;
    for (size_t i = 0; longest > 0 && i < all->pattern_count && n < CONFIG_BUDGETS_MOST; i++)
        if (all->patterns[i]->id.len == longest && text_matches(model, all->patterns[i]->id))
            out[n++] = all->patterns[i];
    return n;
}

size_t accounts_of(struct accounts *all, const struct record *whose, bool make, struct account *out[ACCOUNTS_MOST])
{
    size_t n = 0;
    if (all->count == 0 && all->rule_count == 0)
        return 0;
    if (make && all->on_demand >= all->sweep_at) /* before any is looked for: none that was found may go */
        accounts_sweep(all);
    if (all->of_kind[ACCOUNT_ALL] > 0)
        n += find(all, ACCOUNT_ALL, TEXT("all"), out);
    n += one(all, ACCOUNT_TEAM, whose->team, out + n);
    n += one(all, ACCOUNT_KEY, whose->key, out + n);
    n += one(all, ACCOUNT_PROJECT, whose->project, out + n);
    n += of_tags(all, whose->tags, out + n);
    n += of_model(all, whose, out + n);
    n += one(all, ACCOUNT_PROVIDER, whose->provider, out + n);
    n += each(all, ACCOUNT_USER, whose->team, whose->user, make, out + n);
    n += each(all, ACCOUNT_SESSION, whose->team, whose->session, make, out + n);
    n += each(all, ACCOUNT_KEY_SESSION, whose->key, whose->session, make, out + n);
    BUG_IF(n > ACCOUNTS_MOST);
    return n;
}

static enum account_kind kind_of(struct text name)
{
    enum account_kind kind = 0;
    while (kind < ACCOUNT_KINDS && !text_is(name, account_kind_name(kind)))
        kind++;
    return kind;
}

static bool is_owner(const struct accounts_rule *rule, enum account_kind kind, struct text id)
{
    return rule->kind == kind && id.len > rule->id.len + 1 && text_starts(id, rule->id) && id.ptr[rule->id.len] == '/';
}

struct account *accounts_named(struct accounts *all, struct text kind_name, struct text id, struct text per,
                               struct text zone)
{
    struct account *found[ACCOUNTS_MOST];
    enum account_kind kind = kind_of(kind_name);
    if (kind == ACCOUNT_KINDS)
        return NULL;
    if (all->on_demand >= all->sweep_at)
        accounts_sweep(all);
    size_t count = find(all, kind, id, found);
    for (size_t i = 0; i < all->rule_count; i++)
        if (is_owner(&all->rules[i], kind, id))
            count = make_each(all, kind, all->rules[i].id, id, found, count);
    for (size_t i = 0; i < count; i++)
        if (text_is(per, period_name(found[i]->terms->period)) && text_eq(zone, account_zone(found[i]->terms)))
            return found[i];
    return NULL;
}

static bool is_alike(const struct config_budget *a, const struct config_budget *b)
{
    return a->period == b->period && text_eq(account_zone(a), account_zone(b));
}

bool accounts_has(const struct accounts *all, const struct accounts_rule *rule)
{
    struct account *found[ACCOUNTS_MOST];
    size_t count = is_for_each(rule->kind) ? 0 : find(all, rule->kind, rule->id, found);
    for (size_t i = 0; i < count; i++)
        if (is_alike(found[i]->terms, rule->terms))
            return true;
    for (size_t i = 0; i < all->rule_count; i++)
        if (all->rules[i].kind == rule->kind && text_eq(all->rules[i].id, rule->id) &&
            is_alike(all->rules[i].terms, rule->terms))
            return true;
    return false;
}

static void add_periods(void *owner, struct account *account)
{
    struct account *to = accounts_named(owner, text_of(account_kind_name(account->kind)), account->id,
                                        text_of(period_name(account->terms->period)), account_zone(account->terms));
    for (const struct account_period *p = account->latest; to != NULL && p != NULL; p = p->earlier) {
        struct account_period *sum = account_at(to, p->begins_s * 1000);
        account_add(sum, &(struct record){ .cost = p->spent, .doubt = p->doubt, .soft_doubt = p->soft_doubt });
        sum->number = p->number > sum->number ? p->number : sum->number;
        sum->told |= p->told;
    }
}

void accounts_add(struct accounts *all, const struct accounts *more)
{
    accounts_each(more, add_periods, all);
}

void accounts_each(const struct accounts *all, void (*visit)(void *owner, struct account *account), void *owner)
{
    for (size_t i = 0; i < all->bucket_count; i++)
        for (struct account *a = all->buckets[i]; a != NULL; a = a->next)
            visit(owner, a);
}

/* What was spent in a period of a session that is over needs no account. */
static bool is_past(const struct account *account, int64_t admitted_ms, int64_t now_ms)
{
    return period_ends(account->terms->period, account->terms->zone, admitted_ms > 0 ? admitted_ms / 1000 : 0) <
           now_ms / 1000 - GRACE_S;
}

void accounts_replay(struct accounts *all, const struct record *whose, const struct record *end, int64_t now_ms)
{
    struct account *found[ACCOUNTS_MOST];
    size_t count = accounts_of(all, whose, true, found);
    for (size_t i = 0; i < count; i++)
        if (!found[i]->on_demand || !is_past(found[i], whose->admitted_ms, now_ms))
            account_add(account_at(found[i], whose->admitted_ms), end);
}

void accounts_replay_hold(struct accounts *all, const struct record *hold, int64_t now_ms)
{
    const struct record_account *a = hold->accounts.items;
    for (size_t i = 0; i < hold->accounts.count; i++) {
        struct account *account = accounts_named(all, a[i].kind, a[i].id, a[i].per, a[i].zone);
        if (account == NULL || (account->on_demand && is_past(account, hold->admitted_ms, now_ms)))
            continue;
        struct account_period *period = account_at(account, hold->admitted_ms);
        if (a[i].begins_s == period->begins_s &&
            a[i].number > period->number) /* one that is carried over has a lower number than the last */
            period->number = a[i].number;
    }
}
