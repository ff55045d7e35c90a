/* What a policy sees of a request: the same in every client API. */
#include <string.h>

#include "base/log.h"
#include "check.h"
#include "fixture.h"

/* The same talk, by three APIs. */
static const struct spelling {
    const struct face *face;
    const char *body;
} spellings[] = {
    { &face_chat,
      "{\"model\":\"fast\",\"max_completion_tokens\":50,\"reasoning_effort\":\"low\",\"messages\":[{\"role\":\"developer\",\"content\":\"be short\"},"
      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]},"
      "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"42\"},{\"role\":\"user\",\"content\":\"and now\"}],"
      "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}" },
    { &face_messages,
      "{\"model\":\"fast\",\"max_tokens\":50,\"output_config\":{\"effort\":\"low\"},\"system\":\"be short\",\"messages\":["
      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image\",\"source\":{}}]},"
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{\"a\":1}}]},"
      "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"42\"},{\"type\":\"text\",\"text\":\"and now\"}]}],"
      "\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]}" },
    { &face_responses,
      "{\"model\":\"fast\",\"max_output_tokens\":50,\"reasoning\":{\"effort\":\"low\"},\"instructions\":\"be short\",\"input\":["
      "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"look\"},{\"type\":\"input_image\",\"image_url\":\"data:,\"}]},"
      "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"42\"},{\"role\":\"user\",\"content\":\"and now\"}],"
      "\"tools\":[{\"type\":\"function\",\"name\":\"f\"}]}" },
};

static const char seen[] =
    "local policy = {}\n"
    "function policy.on_request(req)\n"
    "    local out = { req.kind, req.system_text, req.last_user, tostring(req.images), table.concat(req.tools, ','),\n"
    "        tostring(req:get('max_tokens')), tostring(req:get('effort')), tostring(req:get('temperature')) }\n"
    "    for i, m in ipairs(req.messages) do\n"
    "        out[#out + 1] = m.role .. '=' .. m.text .. '/' .. m.images\n"
    "        for _, c in ipairs(m.tool_calls) do out[#out + 1] = c.id .. c.name .. c.arguments end\n"
    "    end\n"
    "    out[#out + 1] = table.concat(req:texts { roles = { 'user' } }, '+')\n"
    "    local hit, role = req:find('42')\n"
    "    out[#out + 1] = tostring(hit) .. ' ' .. tostring(role)\n"
    "    out[#out + 1] = table.concat({ req:repeated_call() }, ' ')\n"
    "    return gw.answer(table.concat(out, '|'))\n"
    "end\n"
    "return policy\n";

Test(request, reads_the_same_in_every_api)
{
    struct fixture f;
    fixture_open(&f, seen, NULL);
    cr_assert_str_eq(f.wrong, "");
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        fixture_ask(&f, spellings[i].face, spellings[i].body);
        enum script_verdict verdict = script_on_request(f.worker, &f.req);
        cr_assert_eq(verdict, SCRIPT_ANSWER, "%s: %s", spellings[i].face->name, fixture_error(&f));
        cr_assert_str_eq(f.req.answer.text.ptr,
                         "chat|be short|and now|1|f|50|low|nil|system=be short/0|user=look/1|assistant=/0|"
                         "c1f{\"a\":1}|tool=42/0|user=and now/0|look+and now|42 tool|1 f",
                         "%s", spellings[i].face->name);
    }
    fixture_close(&f);
}

/* A decision of a body in on_request. */
static enum script_verdict decide(struct fixture *f, const char *hook, const char *args)
{
    static char source[4096];
    snprintf(source, sizeof source, "local args = %s\nreturn { on_request = function(req) %s end }",
             args != NULL ? args : "nil", hook);
    fixture_open(f, source, NULL);
    cr_assert_str_eq(f->wrong, "");
    fixture_ask(f, &face_chat, "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}");
    return script_on_request(f->worker, &f->req);
}

Test(request, decisions_are_what_was_returned)
{
    struct fixture f;
    cr_assert_eq(decide(&f, "return gw.deny(413, 'too_long', 'less', { retry_after_s = 3, reason = 'r' })", NULL),
                 SCRIPT_DENY);
    cr_assert_eq(f.req.refusal.status, 413);
    cr_assert_eq(f.req.refusal.retry_after_s, 3);
    cr_assert_str_eq(f.req.refusal.code.ptr, "too_long");
    cr_assert_str_eq(f.req.traces->decision, "deny");
    cr_assert_str_eq(f.req.traces->reason.ptr, "r");
    fixture_close(&f);
    cr_assert_eq(decide(&f, "gw.note('n') return gw.route('smart', 'why')", NULL), SCRIPT_PASS);
    cr_assert(text_is(f.req.model, "smart"));
    cr_assert(text_is(f.req.asked_model, "fast"));
    cr_assert_str_eq(f.req.routed_by, "p");
    cr_assert_str_eq(f.req.traces->notes->text.ptr, "n");
    fixture_close(&f);
    cr_assert_eq(decide(&f, "return", NULL), SCRIPT_PASS);
    cr_assert_null(f.req.traces->decision);
    fixture_close(&f);
    cr_assert_eq(
        decide(
            &f,
            "if req.tags.plan == 'free' and not req.tags.x then return gw.answer { text = 'a', finish = 'length' } end",
            NULL),
        SCRIPT_ANSWER);
    cr_assert_str_eq(f.req.answer.finish, "length");
    fixture_close(&f);
}

Test(request, arguments_are_checked_and_kept_in_order)
{
    struct fixture f;
    const char *source =
        "local args = gw.args { cheap = gw.arg.model('fast'), share = 0.5, map = gw.arg.map { b = 1, a = 2 } }\n"
        "return { on_request = function()\n"
        "  local s = args.cheap .. args.share for k, v in pairs(args.map) do s = s .. k .. v end\n"
        "  return gw.answer(s .. tostring(args.map.c)) end }";
    fixture_open(&f, source, "{\"cheap\":\"smart\",\"share\":0.8,\"map\":{\"z\":1,\"y\":2,\"x\":{\"n\":[1]}}}");
    cr_assert(f.wrong[0] != '\0' || f.worker != NULL);
    fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
    script_on_request(f.worker, &f.req);
    cr_assert(strstr(fixture_error(&f), "p.lua:3: attempt to concatenate a table value") != NULL, "%s",
              fixture_error(&f));
    fixture_close(&f);
    fixture_open(&f, source, "{\"share\":0.8,\"map\":{\"z\":1,\"y\":2}}");
    fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_ANSWER, "%s", fixture_error(&f));
    cr_assert_str_eq(f.req.answer.text.ptr, "fast0.8y2z1nil");
    fixture_close(&f);
    static const char *const wrong[][2] = {
        { "{\"chep\":\"fast\"}", "unknown argument \"chep\" (did you mean \"cheap\"?)" },
        { "{\"cheap\":\"fst\"}", "the model \"fst\" is not configured (did you mean \"fast\"?)" },
        { "{\"share\":\"x\"}", "share takes a number, not a string" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture_open(&f, source, wrong[i][0]);
        cr_assert(strstr(f.wrong, wrong[i][1]) != NULL, "%s", f.wrong);
        fixture_close(&f);
    }
}

Test(request, what_is_kept_is_gone_after_it)
{
    struct fixture f;
    log_set_level(0);
    fixture_open(
        &f,
        "local kept\nreturn { on_request = function(req)\n if kept then return gw.deny(400, 'x', kept.id) end\n kept = req\n"
        " req.vars.n = (req.vars.n or 0) + 1 end,\n"
        "on_finish = function(req, done) gw.note(done.outcome .. req.vars.n .. done.usage.input) end }",
        NULL);
    static const struct usage none;
    const char *body = "{\"model\":\"fast\",\"messages\":[]}";
    fixture_ask(&f, &face_chat, body);
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_PASS);
    script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "ok", .usage = &none, .first_token_ms = -1 });
    cr_assert_str_eq(f.req.traces->next->notes->text.ptr, "ok10");
    fixture_ask(&f, &face_chat, body);
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_FAILED);
    cr_assert(strstr(fixture_error(&f), "p.lua:3: the request is over") != NULL, "%s", fixture_error(&f));
    log_set_level(LOG_INFO);
    fixture_close(&f);
}

Test(request, on_route_reorders_and_shortens)
{
    static const struct {
        const char *body;
        const char *left, *error;
    } cases[] = {
        { "", "abc", "" },
        { "return { t[3], t[1] }", "ca", "" },
        { "table.insert(t, 1, table.remove(t, 2))", "bac", "" },
        { "table.sort(t, function(x, y) return x.model > y.model end) return t", "cba", "" },
        { "return {}", "abc", "leaves no target" },
        { "return { t[1], t[1] }", "abc", "twice" },
        { "return { t[1], {} }", "abc", "none of its targets" },
        { "return t[1].modl", "abc", "did you mean \"model\"?" },
        { "if t[1].region == 'eu' and not t[2].region and not t[1].retention then return { t[1] } end", "a", "" },
        { "if t[1].cost_usd == 0 and not t[2].cost_usd and t[3].cost_usd == 0.5 then return { t[3] } end", "c", "" },
        { "if t[1].in_flight == 7 and t[2].healthy and t[2].cooling_s == 0 then return { t[2] } end", "b", "" },
        { "if not (t[1].first_token_ms or t[1].tokens_per_s or t[1].context_tokens) then return { t[2] } end", "b",
          "" },
        { "t[1].model = 'x'", "abc", "read-only" },
    };
    log_set_level(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        char source[512], left[8] = "";
        struct script_target items[3] = {
            { .provider = TEXT("p"), .model = TEXT("a"), .role = "target", .region = TEXT("eu"), .in_flight = 7 },
            { .provider = TEXT("p"), .model = TEXT("b"), .role = "target", .cost_nano = -1, .index = 1 },
            { .provider = TEXT("q"), .model = TEXT("c"), .role = "fallback", .cost_nano = 500000000, .index = 2 },
        };
        struct script_targets targets = { items, 3, false };
        snprintf(source, sizeof source, "return { on_route = function(req, t) %s end }", cases[i].body);
        fixture_open(&f, source, NULL);
        cr_assert_str_eq(f.wrong, "");
        fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
        enum script_verdict verdict = script_on_route(f.worker, &f.req, &targets);
        cr_assert_eq(verdict, cases[i].error[0] != '\0' ? SCRIPT_FAILED : SCRIPT_PASS, "%s", cases[i].body);
        cr_assert(strstr(fixture_error(&f), cases[i].error) != NULL, "%s", fixture_error(&f));
        for (size_t k = 0; k < targets.count; k++)
            left[k] = targets.items[k].model.ptr[0];
        cr_assert_str_eq(left, cases[i].left, "%s", cases[i].body);
        fixture_close(&f);
    }
    log_set_level(LOG_INFO);
}
