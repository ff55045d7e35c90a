/* test_module.c - require: files under the policy's folder, read while it is loaded, and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "face/face.h"
#include "fixture.h"

static char folder[64], outside[64];

static void put(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void set_up(void)
{
    char path[160];
    snprintf(folder, sizeof folder, "/tmp/gw-module-XXXXXX");
    snprintf(outside, sizeof outside, "/tmp/gw-outside-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL && mkdtemp(outside) != NULL);
    snprintf(path, sizeof path, "%s/lib", folder);
    cr_assert_eq(mkdir(path, 0755), 0);
}

static void tear_down(void)
{
    char line[200];
    snprintf(line, sizeof line, "rm -r %s %s", folder, outside);
    cr_assert_eq(system(line), 0);
}

static void open_policy(struct fixture *f, const char *source)
{
    fixture_open_in(f, folder, source, NULL);
}

static void runs(struct fixture *f)
{
    cr_assert_str_eq(f->wrong, "");
    fixture_ask(f, &face_chat, "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}");
    enum script_verdict verdict = script_on_request(f->worker, &f->req);
    cr_assert_eq(verdict, SCRIPT_PASS, "%s", fixture_error(f));
    script_on_finish(f->worker, &f->req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
}

/* The policy cannot be loaded, and why. */
static void wrong(const char *source, const char *why)
{
    struct fixture f;
    open_policy(&f, source);
    cr_assert(strstr(f.wrong, why) != NULL, "%s: %s", source, f.wrong);
    cr_assert(f.wrong[0] != '\0' && (strncmp(f.wrong, "p.lua:", 6) == 0 || strncmp(f.wrong, "lib/", 4) == 0), "%s",
              f.wrong);
    fixture_close(&f);
}

#define USES(body) "local m = require 'lib.words'\nreturn { on_request = function(req) " body " end }"

Test(module, what_it_returns_is_there_in_hooks)
{
    set_up();
    struct fixture f;
    put("lib/words.lua", "local more = require 'lib.more' return { bad = { 'x', 'y' }, more = more, same = more,\n"
                         "  find = function(t) return gw.text.contains(t, 'hell') end, n = 3 }");
    put("lib/more.lua", "return { deep = { deeper = 'z' } }");
    open_policy(&f, "local m, again, more = require 'lib.words', require('lib.words'), require 'lib.more'\n"
                    "local W = gw.text.words(m.bad)\n"
                    "return { on_request = function(req)\n"
                    "assert(m == again and m.more == more and m.same == more)\n"
                    "assert(m.find(req.last_user) and m.n == 3 and #m.bad == 2 and m.absent == nil)\n"
                    "assert(table.concat(m.bad, ',') == 'x,y' and W:find('a y') == 'y' and type(m) == 'table')\n"
                    "local n = 0 for i, w in ipairs(m.bad) do n = n + i end assert(n == 3)\n"
                    "for k, v in pairs(more) do assert(k == 'deep' and v.deeper == 'z') end\n"
                    "end }");
    runs(&f);
    fixture_close(&f);
    tear_down();
}

Test(module, what_it_returns_cannot_be_changed)
{
    set_up();
    static const char *const bodies[] = { USES("m.x = 1"), USES("m.list[1] = 2"), USES("m.list.deep.x = 2"),
                                          USES("table.insert(m.list, 2)"), USES("m.me.me.x = 1") };
    put("lib/words.lua", "local m = { list = { 1, deep = {} } } m.me = m return m");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fixture f;
        open_policy(&f, bodies[i]);
        cr_assert_str_eq(f.wrong, "");
        fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
        cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_FAILED);
        cr_assert(strstr(fixture_error(&f), "lib.words is read-only") != NULL, "%s", fixture_error(&f));
        script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
        fixture_close(&f);
    }
    tear_down();
}

Test(module, objects_of_it_work)
{
    set_up();
    struct fixture f;
    put("lib/words.lua", "local M = {} M.__index = M\nfunction M.new(n) return setmetatable({ n = n }, M) end\n"
                         "function M:twice() return self.n * 2 end return M");
    open_policy(&f, USES("assert(m.new(4):twice() == 8) assert(setmetatable({ n = 2 }, m):twice() == 4)"));
    runs(&f);
    fixture_close(&f);
    tear_down();
}

Test(module, names_that_leave_the_folder_are_refused)
{
    set_up();
    static const char *const names[] = { "../x", "..x", "/etc/passwd",      "lib/words", "lib..words", ".lib",
                                         "lib.", "",    "lib.words.lua\\0", "lib words", "\\195\\164" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char source[160];
        snprintf(source, sizeof source, "require '%s' return { on_request = print }", names[i]);
        wrong(source, "require: a module is named as \"lib.words\"");
    }
    tear_down();
}

Test(module, links_that_leave_the_folder_are_refused)
{
    set_up();
    char from[200], to[200];
    struct fixture f;
    snprintf(to, sizeof to, "%s/words.lua", outside);
    snprintf(from, sizeof from, "%s/lib/words.lua", folder);
    cr_assert_eq(symlink(to, from), 0);
    wrong(USES(""), "lib/words.lua cannot be read: No such file");
    FILE *file = fopen(to, "we");
    cr_assert(file != NULL);
    fputs("return {}", file);
    fclose(file);
    wrong(USES(""), "p.lua:1: require: lib/words.lua is a link out of the policy's folder");
    cr_assert_eq(unlink(from), 0);
    put("real.lua", "return {}"); /* within it they are fine */
    cr_assert_eq(symlink("../real.lua", from), 0);
    open_policy(&f, USES(""));
    runs(&f);
    fixture_close(&f);
    snprintf(from, sizeof from, "%s/far", folder);
    cr_assert_eq(symlink(outside, from), 0);
    wrong("require 'far.words' return { on_request = print }", "far/words.lua is a link out of");
    tear_down();
}

Test(module, an_error_names_its_file_and_line)
{
    set_up();
    wrong(USES(""), "p.lua:1: require: lib/words.lua cannot be read: No such file or directory");
    put("lib/words.lua", "\nreturn {");
    wrong(USES(""), "lib/words.lua:2: unexpected symbol");
    put("lib/words.lua", "\n\nlocal x = nil\nreturn x.y");
    wrong(USES(""), "lib/words.lua:4: attempt to index a nil value");
    put("lib/words.lua", "\nerror({})");
    wrong(USES(""), "lib/words.lua:2: error() was called with table");
    put("lib/words.lua", "\nerror('so', 0)");
    wrong(USES(""), "lib/words.lua:2: so");
    put("lib/words.lua", "return { a = gw.text.lowr('X') }");
    wrong(USES(""), "lib/words.lua:1: gw.text: unknown function \"lowr\"");
    put("lib/words.lua", "\nspent = 1");
    wrong(USES(""), "lib/words.lua:2: the policy's globals is read-only");
    put("lib/words.lua", "local x = 1");
    wrong(USES(""), "p.lua:1: require: lib/words.lua returns nothing");
    put("lib/words.lua", "\nlocal args = gw.args { a = 1 } return args");
    wrong(USES(""), "lib/words.lua:2: gw.args is for the policy's own file");
    put("lib/words.lua", "\nwhile true do end");
    wrong(USES(""), "lib/words.lua:2: it ran for too long");
    put("lib/words.lua", "local s = 'x' while true do s = s .. s end");
    wrong(USES(""), "it needs more than memory_mb");
    put("lib/words.lua", "return os.getenv('HOME')");
    wrong(USES(""), "lib/words.lua:1: the policy's globals: unknown name \"os\"");
    put("lib/words.lua", "\33Lua");
    wrong(USES(""), "lib/words.lua:1:");
    tear_down();
}

Test(module, a_hook_that_fails_in_one_names_its_line)
{
    set_up();
    struct fixture f;
    put("lib/words.lua", "return { f = function(x)\nreturn x.y.z end }");
    open_policy(&f, USES("local n = m.f({}) return n"));
    cr_assert_str_eq(f.wrong, "");
    fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_FAILED);
    cr_assert(strncmp(fixture_error(&f), "lib/words.lua:2: attempt", 24) == 0, "%s", fixture_error(&f));
    script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
    fixture_close(&f);
    tear_down();
}

Test(module, cycles_are_named)
{
    set_up();
    put("lib/words.lua", "return require 'lib.b'");
    put("lib/b.lua", "return require 'lib.c'");
    put("lib/c.lua", "\nreturn require 'lib.b'");
    wrong(USES(""), "lib/c.lua:2: require: modules need each other: lib.b -> lib.c -> lib.b");
    put("lib/c.lua", "return require 'lib.c'");
    wrong(USES(""), "lib/c.lua:1: require: modules need each other: lib.c -> lib.c");
    put("lib/c.lua", "local ok, why = pcall(require, 'lib.c') return { why = why }"); /* one that was caught is over */
    put("lib/words.lua", "return { pcall(require, 'lib.b'), require('lib.b') }");
    struct fixture f;
    open_policy(&f, USES("assert(m[2].why:find('need each other'))"));
    runs(&f);
    fixture_close(&f);
    tear_down();
}

Test(module, a_hook_cannot_require)
{
    set_up();
    struct fixture f;
    put("lib/words.lua", "return {}");
    open_policy(&f, USES("\nlocal x = require 'lib.words' return x"));
    cr_assert_str_eq(f.wrong, "");
    fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[]}");
    cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_FAILED);
    cr_assert(strncmp(fixture_error(&f), "p.lua:3: require reads while the policy is loaded, not in a hook", 60) == 0,
              "%s", fixture_error(&f));
    script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "ok", .usage = &(struct usage){ 0 } });
    fixture_close(&f);
    tear_down();
}

/* A state that is made later has the files of that time. */
Test(module, a_file_that_changes_later_changes_nothing)
{
    set_up();
    struct fixture f;
    put("lib/words.lua", "return { n = 1 }");
    open_policy(&f, USES("assert(m.n == 1)"));
    put("lib/words.lua", "return { n = 2 }");
    struct script_worker *late = script_open(f.config, f.shared, &f.fail), *first = f.worker;
    f.worker = late;
    runs(&f);
    f.worker = first;
    script_unref(late);
    fixture_close(&f);
    tear_down();
}

Test(module, a_rule_without_a_file_has_none)
{
    set_up();
    struct fixture f;
    fixture_open(&f, USES(""), NULL);
    cr_assert(strstr(f.wrong, "a rule without a file") != NULL, "%s", f.wrong);
    fixture_close(&f);
    tear_down();
}
