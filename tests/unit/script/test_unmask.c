/* test_unmask.c - req:replace_in_answer: what it takes, and that it counts where the hook ends well. */
#include <string.h>

#include "check.h"
#include "face/face.h"
#include "fixture.h"

#define HOOK(body) "return { on_request = function(req)\n" body "\nend }"

static enum script_verdict run(struct fixture *f, const char *source)
{
    fixture_open(f, source, NULL);
    cr_assert_str_eq(f->wrong, "");
    fixture_ask(f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
    return script_on_request(f->worker, &f->req);
}

static void end(struct fixture *f)
{
    script_on_finish(f->worker, &f->req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
    fixture_close(f);
}

static void fails(const char *source, const char *why)
{
    struct fixture f;
    cr_assert_eq(run(&f, source), SCRIPT_FAILED, "%s", source);
    cr_assert(strstr(fixture_error(&f), why) != NULL, "%s: %s", source, fixture_error(&f));
    cr_assert_null(f.req.restores);
    cr_assert_eq(f.req.restore_count, 0u);
    end(&f);
}

Test(unmask, keeps_each_pair)
{
    struct fixture f;
    cr_assert_eq(
        run(&f, HOOK("req:replace_in_answer({ a = 'b' }) req:replace_in_answer({ c = '' }, { arguments = false })")),
        SCRIPT_PASS);
    cr_assert_eq(f.req.restore_count, 2u);
    cr_assert(text_is(f.req.restores->text.key, "c") && text_is(f.req.restores->text.with, ""));
    cr_assert_not(f.req.restores->text.in_arguments);
    cr_assert(text_is(f.req.restores->next->text.key, "a") && text_is(f.req.restores->next->text.with, "b"));
    cr_assert(f.req.restores->next->text.in_arguments);
    cr_assert_str_eq(f.req.traces->edits, "replace_in_answer");
    end(&f);
    cr_assert_eq(run(&f, HOOK("local t = {} for i = 1, 1000 do t['k' .. i] = 'v' end req:replace_in_answer(t)")),
                 SCRIPT_PASS);
    cr_assert_eq(f.req.restore_count, 1000u);
    end(&f);
}

Test(unmask, refuses_what_cannot_be)
{
    fails(HOOK("req:replace_in_answer('x')"), "p.lua:2: req:replace_in_answer takes a table of texts");
    fails(HOOK("req:replace_in_answer({ a = 1 })"), "a value is a text, not number");
    fails(HOOK("req:replace_in_answer({ 'a' })"), "a key is a text, not number");
    fails(HOOK("req:replace_in_answer({ [''] = 'a' })"), "a key has at least one byte");
    fails(HOOK("req:replace_in_answer({ [('x'):rep(257)] = 'a' })"), "a key has at most 256 bytes");
    fails(HOOK("req:replace_in_answer({ a = ('x'):rep(65537) })"), "a value has at most 65536 bytes");
    fails(HOOK("req:replace_in_answer({ a = '\\xff' })"), "a value is no UTF-8");
    fails(HOOK("req:replace_in_answer({ a = 'b' }, { argument = false })"), "did you mean");
    fails(HOOK("req:replace_in_answer({ a = 'b' }, { arguments = 'no' })"), "arguments is true or false, not string");
    fails(HOOK("local t = {} for i = 1, 1001 do t['k' .. i] = 'v' end req:replace_in_answer(t)"),
          "a request has at most 1000 keys");
    fails(HOOK("req:replace_in_answer({ a = 'b' }) error('late')"), "late");
    fails("return { on_request = function(req) req:replace_in_answer({ a = 'b' })\nlocal x = nil return x.y end }",
          "p.lua:2");
}

Test(unmask, is_of_on_request_alone)
{
    struct fixture f;
    fixture_open(&f, "return { on_finish = function(req) req:replace_in_answer({ a = 'b' }) end }", NULL);
    fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
    script_on_request(f.worker, &f.req);
    script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
    cr_assert(strstr(fixture_error(&f), "req:replace_in_answer is not available in on_finish, only in on_request") !=
                  NULL,
              "%s", fixture_error(&f));
    fixture_close(&f);
}
