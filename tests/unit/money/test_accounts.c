/* test_accounts.c - which accounts a request is charged to, and those that are made for its session or end user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "money/accounts.h"

static const struct config_budget day = { .period = PERIOD_DAY, .limit = 10, .ceiling = 20 },
                                  total = { .period = PERIOD_TOTAL, .limit = 100, .ceiling = 200 };

static const struct accounts_rule rules[] = {
    { ACCOUNT_ALL, TEXT("all"), &total },    { ACCOUNT_TEAM, TEXT("t"), &day },
    { ACCOUNT_TEAM, TEXT("t"), &total },     { ACCOUNT_KEY, TEXT("t"), &total },
    { ACCOUNT_PROJECT, TEXT("p"), &total },  { ACCOUNT_TAG, TEXT("env=prod"), &total },
    { ACCOUNT_MODEL, TEXT("gpt*"), &total }, { ACCOUNT_MODEL, TEXT("gpt-4*"), &total },
    { ACCOUNT_MODEL, TEXT("gpt-4o"), &day }, { ACCOUNT_PROVIDER, TEXT("openai"), &total },
    { ACCOUNT_USER, TEXT("t"), &day },       { ACCOUNT_SESSION, TEXT("t"), &day },
    { ACCOUNT_SESSION, TEXT("t"), &total },  { ACCOUNT_KEY_SESSION, TEXT("k"), &total },
};
enum { RULES = sizeof rules / sizeof *rules };

/* "team t day, all all total" */
static const char *names_of(struct accounts *all, const struct record *whose, bool make)
{
    static char text[1000];
    struct account *found[ACCOUNTS_MOST];
    size_t n = accounts_of(all, whose, make, found), len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %.*s %s", i > 0 ? ", " : "",
                                account_kind_name(found[i]->kind), TEXT_ARG(found[i]->id),
                                period_name(found[i]->terms->period));
    return text;
}

Test(accounts, are_found_by_each_dimension)
{
    struct accounts all;
    accounts_open(&all, rules, RULES);
    struct {
        struct record whose;
        const char *wanted;
    } rows[] = {
        { { .team = TEXT("other") }, "all all total" },
        { { .team = TEXT("t") }, "all all total, team t day, team t total" },
        { { .key = TEXT("t") }, "all all total, key t total" },
        { { .project = TEXT("p") }, "all all total, project p total" },
        { { .tags = TEXT("a=b,env=prod") }, "all all total, tag env=prod total" },
        { { .tags = TEXT("env=production,xenv=prod") }, "all all total" },
        { { .model = TEXT("gpt-4o") }, "all all total, model gpt-4o day" },
        { { .model = TEXT("gpt-4.1") }, "all all total, model gpt-4* total" },
        { { .model = TEXT("gpt-3") }, "all all total, model gpt* total" },
        { { .provider = TEXT("openai") }, "all all total, provider openai total" },
        { { .team = TEXT("t"), .user = TEXT("ann") }, "all all total, team t day, team t total, user t/ann day" },
        { { .team = TEXT("t"), .session = TEXT("s") },
          "all all total, team t day, team t total, session t/s day, session t/s total" },
        { { .key = TEXT("k"), .session = TEXT("s") }, "all all total, key_session k/s total" },
        { { .team = TEXT("other"), .session = TEXT("s"), .user = TEXT("ann") }, "all all total" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_str_eq(names_of(&all, &rows[i].whose, true), rows[i].wanted);
        cr_assert_str_eq(names_of(&all, &rows[i].whose, true), rows[i].wanted); /* the same once more */
    }
    cr_assert_eq(all.on_demand, 4);
    struct record unseen = { .team = TEXT("t"), .session = TEXT("x"), .user = TEXT("y") };
    cr_assert_str_eq(names_of(&all, &unseen, false),
                     "all all total, team t day, team t total"); /* nobody asked to make them */
    cr_assert_eq(all.on_demand, 4);
    accounts_fini(&all);
}

/* A target that is asked for directly: each model of it, and families by their name. */
Test(accounts, of_a_target_are_those_of_its_models)
{
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    struct text of[] = { TEXT("gpt-4o"), TEXT("none"), TEXT("gpt*") }, others[] = { TEXT("none") };
    accounts_open(&all, rules, RULES);
    struct record whose = { .model = TEXT("gpt-4.1"), .target_of = { of, 3 } };
    cr_assert_str_eq(names_of(&all, &whose, true), "all all total, model gpt-4o day, model gpt* total");
    whose.target_of = (struct record_list){ others, 1 };
    cr_assert_str_eq(names_of(&all, &whose, true), "all all total, model gpt-4* total");
    struct text many[ACCOUNTS_MODELS_MOST + 1];
    for (size_t i = 0; i <= ACCOUNTS_MODELS_MOST; i++)
        many[i] = TEXT("gpt-4o");
    whose.target_of = (struct record_list){ many, ACCOUNTS_MODELS_MOST + 1 };
    cr_assert_eq(accounts_of(&all, &whose, true, found), 1 + ACCOUNTS_MODELS_MOST);
    accounts_fini(&all);
}

/* A hundred thousand sessions: those whose day is over go, those with something in flight or of today stay. */
Test(accounts, forget_sessions_that_are_over)
{
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    int64_t now_ms = clock_unix_ms(), before_ms = now_ms - INT64_C(3) * 86400000;
    char name[40];
    accounts_open(&all, (struct accounts_rule[]){ { ACCOUNT_SESSION, TEXT("t"), &day } }, 1);
    struct record end = { .cost = 3 };
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "s%d", i);
        struct record whose = { .team = TEXT("t"),
                                .session = text_of(name),
                                .admitted_ms = i % 10 == 0 ? now_ms : before_ms };
        cr_assert_eq(accounts_of(&all, &whose, true, found), 1);
        struct account_period *p = account_at(found[0], whose.admitted_ms);
        account_hold(p, 5, 5);
        if (i != 7)
            account_end(p, 5, 5, &end);
    }
    cr_assert(all.on_demand >= 10001 && all.on_demand < 25000, "%zu", all.on_demand);
    for (int i = 0; i < 100000; i += 10) {
        snprintf(name, sizeof name, "s%d", i);
        struct record whose = { .team = TEXT("t"), .session = text_of(name) };
        cr_assert_eq(accounts_of(&all, &whose, false, found), 1, "%d", i);
        cr_assert_eq(account_at(found[0], now_ms)->spent, 3);
    }
    struct record seven = { .team = TEXT("t"), .session = TEXT("s7") };
    cr_assert_eq(accounts_of(&all, &seven, false, found), 1); /* in flight */
    cr_assert_eq(account_at(found[0], before_ms)->open, 1);
    accounts_fini(&all);
}

/* The day of a session is over, and its total is not: its next request has both budgets again. */
Test(accounts, have_all_their_periods_again)
{
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    struct record whose = { .team = TEXT("t"), .session = TEXT("s") };
    accounts_open(
        &all, (struct accounts_rule[]){ { ACCOUNT_SESSION, TEXT("t"), &day }, { ACCOUNT_SESSION, TEXT("t"), &total } },
        2);
    for (int turn = 0; turn < 3; turn++) {
        cr_assert_eq(accounts_of(&all, &whose, true, found), 2, "turn %d", turn);
        for (int i = 0; i < 2; i++)
            account_hold(account_at(found[i], 1000), 0, 0);
        for (int i = 0; i < 2; i++)
            account_end(account_at(found[i], 1000), 0, 0, &(struct record){ .cost = 3 });
        accounts_sweep(&all);
        cr_assert_eq(all.on_demand, 1);
    }
    struct account *account = accounts_named(&all, TEXT("session"), TEXT("t/s"), TEXT("day"), TEXT_NONE);
    cr_assert(account != NULL && account->terms == &day);
    account = accounts_named(&all, TEXT("session"), TEXT("t/s"), TEXT("total"), TEXT_NONE);
    cr_assert(account != NULL && account_at(account, 1000)->spent == 9);
    cr_assert_eq(accounts_of(&all, &whose, false, found), 2);
    accounts_fini(&all);
}

Test(accounts, forget_who_was_only_refused)
{
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    accounts_open(&all, (struct accounts_rule[]){ { ACCOUNT_SESSION, TEXT("t"), &total } }, 1);
    for (int i = 0; i < 10000; i++) {
        char session[16];
        snprintf(session, sizeof session, "%d", i);
        struct record whose = { .team = TEXT("t"), .session = text_of(session) };
        cr_assert_eq(accounts_of(&all, &whose, true, found), 1);
        struct account_period *period = account_at(found[0], 1000); /* it is asked */
        if (i == 7)
            account_hold(period, 0, 0);
    }
    accounts_sweep(&all);
    cr_assert_eq(all.on_demand, 1);
    accounts_fini(&all);
}

/* What a start finds: today's sessions with their money, none of the day before yesterday's. */
Test(accounts, are_made_by_a_replay)
{
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    int64_t now_ms = clock_unix_ms(), before_ms = now_ms - INT64_C(3) * 86400000;
    accounts_open(&all, rules, RULES);
    struct record end = { .cost = 3, .doubt = 2 };
    struct record today = { .team = TEXT("t"), .session = TEXT("now"), .admitted_ms = now_ms };
    struct record past = { .team = TEXT("t"), .session = TEXT("then"), .admitted_ms = before_ms };
    struct record_account named = { .kind = TEXT("session"),
                                    .id = TEXT("t/now"),
                                    .per = TEXT("day"),
                                    .begins_s = period_begins(PERIOD_DAY, NULL, now_ms / 1000),
                                    .number = 41 };
    today.accounts = (struct record_list){ &named, 1 };
    accounts_replay_hold(&all, &today, now_ms);
    accounts_replay(&all, &today, &end, now_ms);
    accounts_replay(&all, &past, &end, now_ms);
    cr_assert_eq(accounts_of(&all, &today, false, found), 5);
    struct account_period *p = account_at(found[3], now_ms);
    cr_assert(found[3]->kind == ACCOUNT_SESSION && p->spent == 3 && p->doubt == 2 && p->number == 41);
    cr_assert(account_at(found[4], now_ms)->spent == 3 &&
              account_at(found[4], now_ms)->number == 0); /* another period was not named */
    cr_assert_eq(accounts_of(&all, &past, false, found), 5);
    cr_assert_null(found[3]->latest);
    cr_assert_eq(account_at(found[4], now_ms)->spent, 3); /* "total" is never over */
    cr_assert_eq(account_at(found[1], before_ms)->spent, 3);
    accounts_fini(&all);
}

/* Each tag's budget counts, and of the families of models the longest that fits, in whatever order they are written. */
Test(accounts, of_several_that_fit)
{
    struct accounts all;
    static const struct accounts_rule several[] = {
        { ACCOUNT_TAG, TEXT("a=1"), &total },      { ACCOUNT_TAG, TEXT("b=2"), &day },
        { ACCOUNT_TAG, TEXT("c=3"), &total },      { ACCOUNT_MODEL, TEXT("gpt-4*"), &day },
        { ACCOUNT_MODEL, TEXT("gpt*"), &total },   { ACCOUNT_MODEL, TEXT("*"), &day },
        { ACCOUNT_MODEL, TEXT("gpt-4*"), &total },
    };
    accounts_open(&all, several, 7);
    struct record whose = { .tags = TEXT("c=3,x=9,b=2,a=1"), .model = TEXT("gpt-4o") };
    cr_assert_str_eq(names_of(&all, &whose, true),
                     "tag c=3 total, tag b=2 day, tag a=1 total, model gpt-4* day, model gpt-4* total");
    whose = (struct record){ .model = TEXT("gpt-3") };
    cr_assert_str_eq(names_of(&all, &whose, true), "model gpt* total");
    whose.model = TEXT("o9");
    cr_assert_str_eq(names_of(&all, &whose, true), "model * day");
    accounts_fini(&all);
}

/* A name of a session has its owner in it: the rules of others make none of it. */
Test(accounts, are_made_by_the_rules_of_their_owner)
{
    static char owner[RECORD_TEXT_MOST + 1], session[RECORD_TEXT_MOST + 1], name[2 * RECORD_TEXT_MOST + 2];
    memset(owner, 'o', RECORD_TEXT_MOST);
    memset(session, 's', RECORD_TEXT_MOST);
    snprintf(name, sizeof name, "%s/%s", owner, session);
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    const struct accounts_rule several[] = {
        { ACCOUNT_SESSION, TEXT("t"), &day },        { ACCOUNT_SESSION, TEXT("u"), &total },
        { ACCOUNT_USER, TEXT("t"), &total },         { ACCOUNT_SESSION, TEXT("tt"), &total },
        { ACCOUNT_SESSION, text_of(owner), &total },
    };
    accounts_open(&all, several, 5);
    cr_assert_null(accounts_named(&all, TEXT("session"), TEXT("t/s"), TEXT("total"), TEXT_NONE));
    cr_assert_eq(all.on_demand, 1);
    struct account *account = accounts_named(&all, TEXT("session"), TEXT("t/s"), TEXT("day"), TEXT_NONE);
    cr_assert(account != NULL && text_is(account->id, "t/s") && account->on_demand);
    cr_assert_eq(all.on_demand, 1); /* the same */
    cr_assert_null(accounts_named(&all, TEXT("session"), TEXT("t/"), TEXT("day"), TEXT_NONE));
    cr_assert_null(accounts_named(&all, TEXT("session"), TEXT("t0/s"), TEXT("day"), TEXT_NONE));
    cr_assert_eq(all.on_demand, 1);
    cr_assert_null(accounts_named(&all, TEXT("session"), TEXT("t/s"), TEXT("day"), TEXT("Asia/Tokyo")));
    cr_assert_null(accounts_named(&all, TEXT("nothing"), TEXT("t/s"), TEXT("day"), TEXT_NONE));
    struct record whose = { .team = text_of(owner), .session = text_of(session) }; /* as long as they may be */
    cr_assert_eq(accounts_of(&all, &whose, true, found), 1);
    cr_assert(text_is(found[0]->id, name));
    cr_assert_eq(accounts_named(&all, TEXT("session"), text_of(name), TEXT("total"), TEXT_NONE), found[0]);
    accounts_fini(&all);
}

/* A HOLD of a session whose day is over needs no account: it is not there when the day is asked for. */
Test(accounts, a_hold_of_a_day_that_is_over_makes_no_period)
{
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    int64_t now_ms = clock_unix_ms(), before_ms = now_ms - INT64_C(3) * 86400000;
    accounts_open(&all, (struct accounts_rule[]){ { ACCOUNT_SESSION, TEXT("t"), &day } }, 1);
    struct record_account named = { .kind = TEXT("session"),
                                    .id = TEXT("t/s"),
                                    .per = TEXT("day"),
                                    .begins_s = period_begins(PERIOD_DAY, NULL, before_ms / 1000),
                                    .number = 5 };
    struct record hold = {
        .team = TEXT("t"), .session = TEXT("s"), .admitted_ms = before_ms, .accounts = { &named, 1 }
    };
    accounts_replay_hold(&all, &hold, now_ms);
    cr_assert_eq(accounts_of(&all, &hold, false, found), 1);
    cr_assert_null(found[0]->latest);
    accounts_replay_hold(&all, &hold, before_ms + 1000); /* on its day it does */
    cr_assert(found[0]->latest != NULL && found[0]->latest->number == 5);
    accounts_fini(&all);
}

/* As many as a request can have: each is found, and none twice. */
Test(accounts, as_many_as_there_can_be)
{
    static const struct config_budget terms[CONFIG_BUDGETS_MOST] = {
        { .period = PERIOD_DAY }, { .period = PERIOD_WEEK }, { .period = PERIOD_MONTH }, { .period = PERIOD_TOTAL }
    };
    static const struct {
        enum account_kind kind;
        const char *id;
    } whose[] = {
        { ACCOUNT_ALL, "all" },  { ACCOUNT_TEAM, "t" },        { ACCOUNT_KEY, "k" },   { ACCOUNT_PROJECT, "x" },
        { ACCOUNT_TAG, "a" },    { ACCOUNT_TAG, "b" },         { ACCOUNT_TAG, "c" },   { ACCOUNT_TAG, "d" },
        { ACCOUNT_TAG, "e" },    { ACCOUNT_TAG, "f" },         { ACCOUNT_TAG, "g" },   { ACCOUNT_TAG, "h" },
        { ACCOUNT_MODEL, "m*" }, { ACCOUNT_PROVIDER, "p" },    { ACCOUNT_USER, "t" },  { ACCOUNT_SESSION, "t" },
        { ACCOUNT_TAG, "i" },    { ACCOUNT_KEY_SESSION, "k" }, { ACCOUNT_MODEL, "1" }, { ACCOUNT_MODEL, "2" },
        { ACCOUNT_MODEL, "3" },  { ACCOUNT_MODEL, "4" },       { ACCOUNT_MODEL, "5" }, { ACCOUNT_MODEL, "6" },
        { ACCOUNT_MODEL, "7" },  { ACCOUNT_MODEL, "8" },       { ACCOUNT_MODEL, "9" },
    };
    enum { WHOSE = sizeof whose / sizeof whose[0] };
    struct accounts_rule many[WHOSE * CONFIG_BUDGETS_MOST];
    struct accounts all;
    struct account *found[ACCOUNTS_MOST];
    for (size_t i = 0; i < WHOSE * CONFIG_BUDGETS_MOST; i++)
        many[i] = (struct accounts_rule){ whose[i / CONFIG_BUDGETS_MOST].kind,
                                          text_of(whose[i / CONFIG_BUDGETS_MOST].id), &terms[i % CONFIG_BUDGETS_MOST] };
    accounts_open(&all, many, WHOSE * CONFIG_BUDGETS_MOST);
    struct text models[] = { TEXT("1"), TEXT("2"), TEXT("3"), TEXT("4"), TEXT("5"),
                             TEXT("6"), TEXT("7"), TEXT("8"), TEXT("9") };
    struct record request = { .team = TEXT("t"),
                              .key = TEXT("k"),
                              .project = TEXT("x"),
                              .tags = TEXT("a,b,c,d,e,f,g,h,i"), /* the ninth does not count */
                              .user = TEXT("u"),
                              .session = TEXT("s"),
                              .model = TEXT("m"),
                              .target_of = { models, 9 }, /* nor does this ninth */
                              .provider = TEXT("p") };
    cr_assert_eq(ACCOUNTS_MOST, 96);
    cr_assert_eq(accounts_of(&all, &request, true, found), 96);
    for (size_t i = 0; i < 96; i++) {
        cr_assert(!text_is(found[i]->id, "i") && !text_is(found[i]->id, "9") && !text_is(found[i]->id, "m*"));
        for (size_t k = 0; k < i; k++)
            cr_assert_neq(found[i], found[k]);
    }
    cr_assert_eq(accounts_of(&all, &request, false, found), 96);
    accounts_fini(&all);
}
