/* Tests of policies: what a case leaves behind goes with it, however it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "check.h"
#include "rehearsal/rehearsal.h"

static const char policy[] = "local policy = {}\n"
                             "function policy.on_request(req)\n"
                             "    req.vars.seen = true\n"
                             "    if req:find('memory') then local s = 'x' while true do s = s .. s end end\n"
                             "    if req:find('ask') then gw.note(gw.llm.ask('judge', 'x') or 'none') end\n"
                             "    gw.note('n=' .. gw.counter.add('n', 1, { ttl_s = 60 }))\n"
                             "end\n"
                             "return policy\n";

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static void remove_file(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

/* Runs the cases; what was printed, to be freed. */
static char *run(const char *cases, struct rehearsal_sum *sum)
{
    char folder[] = "/tmp/gw-rehearsal-XXXXXX", path[256], text[4096];
    struct config *config = config_new();
    struct buf out;
    cr_assert_not_null(mkdtemp(folder));
    write_file(folder, "p.lua", policy);
    snprintf(text, sizeof text, "local p = test.policy('p.lua', {})\n%s", cases);
    write_file(folder, "p_test.lua", text);
    snprintf(path, sizeof path, "%s/p_test.lua", folder);
    config_seal(config);
    buf_init(&out, 1 << 20);
    *sum = (struct rehearsal_sum){ 0 };
    rehearsal_run(config, path, true, &out, sum);
    buf_append(&out, "", 1);
    char *printed = strdup(out.ptr + out.start);
    buf_free(&out);
    config_unref(config);
    remove_file(folder, "p.lua");
    remove_file(folder, "p_test.lua");
    rmdir(folder);
    return printed;
}

Test(rehearsal, a_case_begins_with_nothing)
{
    struct rehearsal_sum sum;
    char *printed = run("for i = 1, 3 do test.case('c' .. i, function()\n"
                        "    test.equal(p:on_request({ text = 'a' }).notes[1], 'n=1')\n"
                        "    test.equal(p:on_request({ text = 'a' }).notes[1], 'n=2')\n"
                        "end) end\n",
                        &sum);
    cr_assert_eq(sum.passed, 3, "%s", printed);
    cr_assert_eq(sum.failed, 0);
    free(printed);
}

Test(rehearsal, an_error_while_a_hook_waits_ends_it)
{
    struct rehearsal_sum sum;
    char *printed = run("test.case('a', function()\n"
                        "    test.llm('judge', function() error('a slip') end)\n"
                        "    p:on_request { text = 'ask' }\n"
                        "end)\n"
                        "test.case('b', function()\n"
                        "    test.llm('judge', 'yes')\n"
                        "    test.equal(p:on_request({ text = 'ask' }).notes[1], 'yes')\n"
                        "end)\n",
                        &sum);
    cr_assert_eq(sum.passed, 1, "%s", printed);
    cr_assert_eq(sum.failed, 1);
    cr_assert(strstr(printed, "p_test.lua:3: a slip") != NULL, "%s", printed);
    free(printed);
}

Test(rehearsal, a_policy_without_memory_is_made_anew)
{
    struct rehearsal_sum sum;
    char *printed = run(
        "test.case('a', function()\n"
        "    local kept = { text = 'a' }\n"
        "    p:on_request(kept)\n"
        "    test.contains(test.fails(function() p:on_request { text = 'memory' } end), 'p.lua:4: it needs more than memory_mb')\n"
        "    test.equal(p:on_request({ text = 'a' }).decision, 'none')\n"
        "end)\n",
        &sum);
    cr_assert_eq(sum.passed, 1, "%s", printed);
    free(printed);
}
