/* editor.c - the words of policies as editors want them. The classes of what hooks get stand in editor.lua, which is part of the program. */
#include "script/editor.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "script/api.h"

extern const unsigned char script_editor[];
extern const size_t script_editor_len;

/* The type of a parameter, by its name; those of one word alone come first. */
static const struct parameter {
    const char *word, *name, *type; /* word NULL: of all */
} parameters[] = {
    { "gw.deny", "options", "gw.DenyOptions" },
    { "gw.answer", "text", "string|gw.AnswerText" },
    { "gw.spend", "options", "gw.SpendOptions" },
    { "gw.counter.get", "options", "gw.CounterOptions" },
    { "gw.counter.add", "options", "gw.CounterOptions" },
    { "gw.counter.take", "options", "gw.TakeOptions" },
    { "gw.cache.get", "options", "gw.ScopeOptions" },
    { "gw.cache.set", "options", "gw.KeepOptions" },
    { "gw.cache.set", "value", "string|table" },
    { "gw.cache.del", "options", "gw.ScopeOptions" },
    { "gw.retry", "options", "gw.RetryOptions" },
    { "gw.http.get", "options", "gw.GetOptions" },
    { "gw.http.post", "options", "gw.PostOptions" },
    { "gw.llm.ask", "options", "gw.AskOptions" },
    { "gw.llm.chat", "options", "gw.ChatOptions" },
    { "gw.llm.chat_all", "questions", "gw.ChatOptions[]" },
    { "gw.llm.chat_all", "options", "gw.AllOptions" },
    { "req:texts", "options", "gw.RoleOptions" },
    { "req:find", "options", "gw.RoleOptions" },
    { "req:map_text", "options", "gw.RoleOptions" },
    { "req:map_text", "fn", "fun(text: string, role: gw.Role, i: integer): string?" },
    { "req:replace_in_answer", "texts", "table<string, string>" },
    { "req:replace_in_answer", "options", "gw.ReplaceOptions" },
    { "req:keep_tools", "fn", "fun(name: string): boolean" },
    { "req:add_system", "place", "\"end\"|\"start\"" },
    { "req:tag", "value", "string" },
    { "req:send_header", "value", "string" },
    { "req:reply_header", "value", "string" },
    { "req:skip", "hook", "\"on_route\"|\"on_response\"|\"on_finish\"" },
    { NULL, "code", "string" },
    { NULL, "event", "string" },
    { NULL, "key", "string" },
    { NULL, "list", "string[]" },
    { NULL, "matcher", "string|gw.Words|gw.Regex" },
    { NULL, "model", "string" },
    { NULL, "n", "integer" },
    { NULL, "name", "string" },
    { NULL, "part", "string" },
    { NULL, "pattern", "string" },
    { NULL, "place", "string" },
    { NULL, "reason", "string" },
    { NULL, "salt", "string" },
    { NULL, "span", "string" },
    { NULL, "status", "integer" },
    { NULL, "text", "string" },
    { NULL, "value", "any" },
    { NULL, "values", "table<string, any>" },
    { NULL, "with", "string|fun(...: string): string?" },
    { NULL, "zone", "string" },
};

static const char *type_of(const char *word, struct text name)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (text_is(name, parameters[i].name) && (parameters[i].word == NULL || strcmp(parameters[i].word, word) == 0))
            return parameters[i].type;
    return "any";
}

static void write_hooks(struct buf *out, unsigned when)
{
    static const struct {
        unsigned bit;
        const char *name;
    } hooks[] = { { API_LOAD, "the file while it is loaded" },
                  { SCRIPT_ON_REQUEST, "on_request" },
                  { SCRIPT_ON_ROUTE, "on_route" },
                  { SCRIPT_ON_RESPONSE, "on_response" },
                  { SCRIPT_ON_FINISH, "on_finish" } };
    const char *sep = ". Only in ";
    if ((when & API_HOOKS) == API_HOOKS)
        return;
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if ((when & hooks[i].bit) != 0) {
            buf_printf(out, "%s%s", sep, hooks[i].name);
            sep = ", ";
        }
}

static void write_function(struct buf *out, const char *of, char sign, const struct api_row *row)
{
    char word[64];
    struct text rest = text_of(row->arguments);
    snprintf(word, sizeof word, "%s%c%s", of, sign, row->name);
    buf_printf(out, "---%s%s", row->waits ? "Waits. " : "", row->help);
    write_hooks(out, row->when);
    buf_str(out, ".\n");
    while (rest.len > 0) {
        struct text name = text_trim(text_cut(&rest, ','));
        bool may = text_ends(name, TEXT("?"));
        name.len -= may;
        buf_printf(out, "---@param %.*s%s %s\n", TEXT_ARG(name), may ? "?" : "", type_of(word, name));
    }
    rest = text_of(row->result);
    while (rest.len > 0) {
        struct text type = text_trim(text_cut(&rest, ','));
        buf_printf(out, "---@return %.*s\n", TEXT_ARG(type));
    }
    buf_printf(out, "function %s(", word);
    for (const char *c = row->arguments; *c != '\0'; c++)
        if (*c != '?')
            buf_append(out, c, 1);
    buf_str(out, ") end\n");
}

static void write_request(struct buf *out)
{
    buf_str(out, "\n---The request: read-only; it is changed by its methods.\n---@class gw.Request\n");
    request_write_fields(out);
    buf_str(out, "local req = {}\n");
    for (size_t i = 0; request_rows[i] != NULL; i++)
        for (const struct api_row *row = request_rows[i]; row->name != NULL; row++)
            write_function(out, "req", ':', row);
}

void editor_write_luals(struct buf *out)
{
    buf_str(
        out,
        "---@meta gw\n-- The words of policies, written by `llm-gateway policy editor` from the table that checks them.\n\n");
    buf_append(out, script_editor, script_editor_len);
    buf_str(out, "---Made by gw.regex.\n---@class gw.Regex\nlocal regex = {}\n");
    for (const struct api_row *row = api_regex_methods; row->name != NULL; row++)
        write_function(out, "regex", ':', row);
    for (const struct api_library *library = api_libraries; library->name != NULL; library++) {
        if (strncmp(library->rows->name, "test_", 5) == 0) /* of builds for tests */
            continue;
        buf_str(out, "\n");
        if (strcmp(library->name, "gw") != 0)
            buf_printf(out, "%s = {}\n", library->name);
        if (library->rows == api_json_rows)
            buf_str(out, "---null inside of a JSON value.\ngw.json.null = nil ---@type any\n");
        for (const struct api_row *row = library->rows; row->name != NULL; row++)
            write_function(out, library->name, '.', row);
    }
    write_request(out);
}

void editor_write_luarc(struct buf *out)
{
    buf_str(
        out,
        "{\n"
        "    \"runtime.version\": \"Lua 5.4\",\n"
        "    \"runtime.builtin\": { \"coroutine\": \"disable\", \"debug\": \"disable\", \"io\": \"disable\", \"os\": \"disable\" },\n"
        "    \"workspace.library\": [\"sdk/lua\"],\n"
        "    \"diagnostics.globals\": []\n"
        "}\n");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the table on top of the stack, in order. Given: an array; the names are the table's. */
static const char **names_of(lua_State *L, size_t *count)
{
    enum { MOST = 256 };
    const char **names = calloc(MOST, sizeof *names);
    BUG_IF(names == NULL);
    *count = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && *count < MOST && strncmp(lua_tostring(L, -2), "test_", 5) != 0)
            names[(*count)++] = lua_tostring(L, -2);
    qsort(names, *count, sizeof *names, compare);
    return names;
}

static bool push_table(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    if (lua_type(L, -1) == LUA_TTABLE) {
        api_push_real(L, -1);
        lua_remove(L, -2);
        return true;
    }
    lua_pop(L, 1);
    return false;
}

/* Of the table on top of the stack. First what has no fields of its own, in one line. */
static void write_fields(lua_State *L, struct buf *out, int depth)
{
    size_t count, plain = 0;
    const char **names = names_of(L, &count);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            bool table = push_table(L, names[i]);
            if (table && pass == 1) {
                buf_printf(out, "%*s%s = { fields = {\n", 4 * depth, "", names[i]);
                write_fields(L, out, depth + 1);
                buf_printf(out, "%*s} },\n", 4 * depth, "");
            } else if (!table && pass == 0) {
                if (plain++ % 10 == 0)
                    buf_printf(out, "%s%*s", plain > 1 ? "\n" : "", 4 * depth, "");
                else
                    buf_str(out, " ");
                buf_printf(out, "\"%s\",", names[i]);
            }
            if (table)
                lua_pop(L, 1);
            if (pass == 0 && i + 1 == count && plain > 0)
                buf_str(out, "\n");
        }
    free(names);
}

void editor_write_std(struct buf *out)
{
    lua_State *L = luaL_newstate(); /* only looked at: nothing of it runs */
    BUG_IF(L == NULL);
    sandbox_open(L);
    api_push_real(L, -1);
    buf_str(out, "stds.policy = {\n    read_globals = {\n");
    write_fields(L, out, 2);
    buf_str(out, "    },\n}\n");
    lua_close(L);
}
