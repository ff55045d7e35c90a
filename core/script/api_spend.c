/* api_spend.c - gw.spend and gw.bucket: what somebody has spent; a share of all users that stays the same. */
#include <lauxlib.h>
#include <string.h>

#include "base/crypto.h"
#include "script/api.h"

#define NOT_COUNTED "gw.spend (no budget counts this: give it one in gateway.lua)"

static const char *const options[] = { "team", "key", "user", "session", "project", "per", NULL };
static const char *const may[] = { "limit_usd", "left_usd", NULL };
static const char *const periods[] = { "day", "week", "month", "total", NULL };

static void put_usd(lua_State *L, const char *name, int64_t nano)
{
    lua_pushnumber(L, (double)nano / 1e9);
    lua_setfield(L, -2, name);
}

static int spend(lua_State *L)
{
    struct script_request *req = api_run(L)->req;
    struct text name = TEXT_NONE, per;
    struct script_spend sum = { 0, 0, -1 };
    size_t whose = 0, period = 0;
    if (!api_options(L, 1, "gw.spend", options))
        return luaL_error(L, "gw.spend: { team = req.team, per = \"day\" } is needed");
    for (size_t i = 0; i <= SCRIPT_OF_PROJECT; i++) {
        struct text named = api_option_text(L, 1, "gw.spend", options[i]);
        if (named.ptr != NULL && name.ptr != NULL)
            return luaL_error(L, "gw.spend: of one: team, key, user, session or project");
        if (named.ptr != NULL) {
            name = named;
            whose = i;
        }
    }
    per = api_option_text(L, 1, "gw.spend", "per");
    while (periods[period] != NULL && !text_is(per, periods[period]))
        period++;
    if (name.ptr == NULL)
        return luaL_error(L, "gw.spend: whose? team, key, user, session or project");
    if (per.ptr == NULL)
        return luaL_error(L, "gw.spend: per is missing: day, week, month or total");
    if (periods[period] == NULL)
        api_unknown(L, "gw.spend", "period", per, periods);
    if (whose == SCRIPT_OF_TEAM) {
        const struct config *config = state_of(L)->config;
        const char *names[CONFIG_POLICIES_MOST * 4 + 1];
        size_t n = 0;
        bool known = false;
        for (size_t i = 0; i < config->team_count; i++) {
            known = known || text_eq(config->teams[i].name, name);
            if (n < sizeof names / sizeof *names - 1)
                names[n++] = config->teams[i].name.ptr;
        }
        names[n] = NULL;
        if (!known)
            api_unknown(L, "gw.spend", "team", name, names);
    }
    const struct config_team *own = state_of(L)->policy->team;
    bool others = (whose == SCRIPT_OF_TEAM && own != NULL && !text_eq(own->name, name)) ||
                  (whose == SCRIPT_OF_KEY && !text_eq(req->key, name)) || whose == SCRIPT_OF_PROJECT;
    if (own != NULL && others)
        return luaL_error(L, "gw.spend: a team's own policy may ask for its team, its users and sessions, and req.key");
    state_spend(L, 100);
    bool counted = req->host != NULL && req->host->spend != NULL &&
                   req->host->spend(req->owner, (enum script_whose)whose, name, (enum config_period)period, &sum);
    lua_createtable(L, 0, 4);
    if (counted) {
        put_usd(L, "spent_usd", sum.spent);
        put_usd(L, "held_usd", sum.held);
    }
    if (counted && sum.limit >= 0) {
        int64_t left = sum.limit - sum.spent - sum.held;
        put_usd(L, "limit_usd", sum.limit);
        put_usd(L, "left_usd", left > 0 ? left : 0);
    }
    api_freeze(L, counted ? "gw.spend" : NOT_COUNTED, "field", may);
    return 1;
}

static int bucket(lua_State *L)
{
    struct script_state *s = state_of(L);
    uint8_t digest[CRYPTO_SHA256_LEN];
    uint64_t n = 0;
    struct text text = api_check_text(L, 1, "gw.bucket",
                                      "a text (req.user and req.session can be nil, req.conversation never is)"),
                salt = lua_isnoneornil(L, 2) ? text_of(s->policy->name) : api_check_text(L, 2, "gw.bucket", "a salt");
    buf_truncate(&s->text, 0);
    buf_text(&s->text, salt);
    buf_str(&s->text, "/");
    buf_text(&s->text, text);
    state_spend(L, 20 + (int64_t)s->text.len / 16);
    crypto_sha256(buf_view(&s->text), digest);
    for (size_t i = 0; i < 6; i++)
        n = n << 8 | digest[i];
    lua_pushnumber(L, (double)n / 0x1p48 * 100);
    return 1;
}

const struct api_row api_spend_rows[] = {
    { "spend", spend, API_HOOKS, false, "options", "gw.Spend",
      "What is spent of a budget: { team = or key = or user = or session = or project =, per = \"day\", \"week\", \"month\" or \"total\" }" },
    { "bucket", bucket, API_HOOKS, false, "text, salt?", "number", "From 0 to below 100, always the same for a text" },
    { .name = NULL },
};
