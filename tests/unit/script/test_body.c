/* test_body.c - req.body: the client's JSON as tables that can be read and not changed, and that end with their hook. */
#include <string.h>

#include "check.h"
#include "face/face.h"
#include "fixture.h"

#define BODY                                                                                                           \
    "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"h\\u00e9\"}]}],"  \
    "\"n\":2,\"temperature\":0.5,\"stop\":null,\"stream\":false,\"metadata\":{\"z\":1,\"a\":{},\"m\":[]},\"seed\":123456789012345678901}"
#define HOOK(body) "return { on_request = function(req)\nlocal b = req.body\n" body "\nend }"

static enum script_verdict run(struct fixture *f, const char *source)
{
    fixture_open(f, source, NULL);
    cr_assert_str_eq(f->wrong, "");
    fixture_ask(f, &face_chat, BODY);
    return script_on_request(f->worker, &f->req);
}

static void end(struct fixture *f)
{
    script_on_finish(f->worker, &f->req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
    fixture_close(f);
}

static void holds(const char *source)
{
    struct fixture f;
    enum script_verdict verdict = run(&f, source);
    cr_assert_eq(verdict, SCRIPT_PASS, "%s: %s", source, fixture_error(&f));
    end(&f);
}

static void fails(const char *source, const char *why)
{
    struct fixture f;
    cr_assert_eq(run(&f, source), SCRIPT_FAILED, "%s", source);
    cr_assert(strstr(fixture_error(&f), why) != NULL, "%s: %s", source, fixture_error(&f));
    end(&f);
}

Test(body, has_each_kind_of_value)
{
    holds(HOOK("assert(type(b) == 'table' and b.model == 'fast' and b.n == 2 and math.type(b.n) == 'integer')"));
    holds(HOOK("assert(b.temperature == 0.5 and b.stream == false and b.stop == gw.json.null and b.absent == nil)"));
    holds(
        HOOK("assert(b.messages[1].content[1].text == 'h\xc3\xa9' and b.messages[2] == nil and b.messages.x == nil)"));
    holds(HOOK("assert(#b.messages == 1 and #b.messages[1].content == 1 and #b.metadata.m == 0 and #b == 0)"));
    holds(HOOK("assert(b.seed > 1.2e20 and b[1] == nil and math.type(b.seed) == 'float')"));
}

Test(body, is_walked_in_the_order_of_the_text)
{
    holds(HOOK("local t = {} for k, v in pairs(b) do t[#t + 1] = k .. type(v):sub(1, 1) end\n"
               "assert(table.concat(t, ' ') == 'models messagest nn temperaturen stopu streamb metadatat seedn')"));
    holds(HOOK("local t = {} for k in pairs(b.metadata) do t[#t + 1] = k end assert(table.concat(t) == 'zam')"));
    holds(HOOK("local n = 0 for i, m in ipairs(b.messages) do n = n + i assert(m.role == 'user') end assert(n == 1)"));
    holds(HOOK("local n = 0 for i, m in pairs(b.messages) do n = n + i end\n"
               "assert(n == 1 and next(b.metadata.m) == nil and next(b.metadata.a) == nil)"));
    holds(HOOK("local k, v = next(b.metadata) assert(k == 'z' and v == 1) k = next(b.metadata, k) assert(k == 'a')\n"
               "k = next(b.metadata, k) assert(k == 'm' and next(b.metadata, k) == nil)"));
}

Test(body, works_with_the_functions_of_tables)
{
    holds(HOOK("assert(gw.json.encode(b.metadata) == '{\"z\":1,\"a\":{},\"m\":[]}', gw.json.encode(b.metadata))"));
    holds(HOOK("assert(gw.json.encode({ x = b.messages[1].content }):find('{\"x\":[{\"type\":\"text\"', 1, true))"));
    holds(HOOK("assert(select('#', table.unpack(b.messages)) == 1)"));
}

Test(body, cannot_be_changed)
{
    fails(HOOK("b.x = 1"), "p.lua:3: req.body is read-only: req:set(name, value)");
    fails(HOOK("b.messages[1] = {}"), "req.body is read-only");
    fails(HOOK("table.insert(b.messages, {})"), "req.body is read-only");
    fails(HOOK("table.remove(b.messages)"), "req.body is read-only");
    fails(HOOK("setmetatable(b, {})"), "has its metatable");
    fails(HOOK("local x = b.messages[0] return x"), "p.lua:3: req.body: there is no element 0: the first one is 1");
}

Test(body, is_the_edited_one_after_an_edit)
{
    holds(HOOK("req:set('temperature', 1.5) assert(b.temperature == 0.5 and req.body.temperature == 1.5)"));
}

Test(body, ends_with_its_hook)
{
    struct fixture f;
    cr_assert_eq(
        run(&f, "return { on_request = function(req) req.vars.b = req.body req.vars.m = req.body.messages end,\n"
                "on_finish = function(req)\nlocal ok, why = pcall(function() return #req.vars.m end) gw.note(why)\n"
                "ok, why = pcall(function() return req.vars.b.n end) gw.note(why)\n"
                "ok, why = pcall(function() return gw.json.encode(req.vars.b) end) gw.note(why)\n"
                "ok, why = pcall(next, req.vars.b) gw.note(why)\n"
                "ok, why = pcall(function() return req.body end) gw.note(why) end }"),
        SCRIPT_PASS);
    script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
    const struct script_note *n = f.req.traces->next->notes;
    for (int i = 0; i < 4; i++, n = n->next)
        cr_assert(text_find(n->text, TEXT("req.body: the hook is over")) >= 0, "%d: %.*s", i, TEXT_ARG(n->text));
    cr_assert(text_find(n->text, TEXT("req.body is not available in on_finish")) >= 0);
    fixture_close(&f);
}

Test(body, what_is_no_json_is_refused)
{
    struct fixture f;
    fixture_open(&f, "return { on_request = function(req) return gw.deny(403, 'x', tostring(req.body.model)) end }",
                 NULL);
    fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[],\"x\":{\"a\":1,\"a\":2}}");
    script_on_request(f.worker, &f.req);
    cr_assert_not_null(f.req.unread);
    end(&f);
}
