/* Words that people guess wrongly: each is answered with the file, the line and the right word. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "check.h"
#include "fixture.h"
#include "guesses.h"

enum { GUESSES = sizeof guesses / sizeof *guesses };

static enum script_verdict run(struct fixture *f, const char *hook)
{
    static struct script_target items[] = { { .provider = TEXT("a"), .model = TEXT("x"), .role = "target" } };
    struct script_targets targets = { .items = items, .count = 1 };
    static const struct usage usage;
    fixture_ask(f, &face_chat, "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}");
    if (strcmp(hook, "on_request") == 0)
        return script_on_request(f->worker, &f->req);
    if (strcmp(hook, "on_route") == 0)
        return script_on_route(f->worker, &f->req, &targets);
    if (strcmp(hook, "on_response") == 0) {
        static const struct said said = { .text = TEXT("hello"), .finish = "stop" };
        static struct script_response response = {
            .said = &said, .finish = "stop", .target = TEXT("a/x"), .usage = &usage, .first_token_ms = -1
        };
        return script_on_response(f->worker, &f->req, &response);
    }
    script_on_finish(f->worker, &f->req, &(struct script_done){ .status = 200, .outcome = "ok", .usage = &usage });
    return fixture_error(f)[0] != '\0' ? SCRIPT_FAILED : SCRIPT_PASS;
}

/* What is reported of the third line; "" where nothing is wrong. */
static const char *message(struct fixture *f, const char *hook, const char *code, bool *at_load)
{
    static char source[1024];
    snprintf(source, sizeof source, "local policy = {}\nfunction policy.%s(req, x)\n  %s\nend\nreturn policy\n", hook,
             code);
    fixture_open(f, source, NULL);
    *at_load = f->wrong[0] != '\0';
    if (*at_load)
        return f->wrong;
    return run(f, hook) == SCRIPT_FAILED ? fixture_error(f) : "";
}

Test(guesses, each_gets_the_line_and_the_right_word)
{
    log_set_level(0);
    for (size_t i = 0; i < GUESSES; i++) {
        struct fixture f;
        bool at_load;
        const char *text = message(&f, guesses[i].hook, guesses[i].code, &at_load);
        cr_assert(guesses[i].right[0] != '\0', "%s: no right word", guesses[i].code);
        cr_assert(strncmp(text, "p.lua:3: ", 9) == 0, "%s: no line in \"%s\"", guesses[i].code, text);
        cr_assert(strstr(text, guesses[i].right) != NULL, "%s: \"%s\" is not in \"%s\"", guesses[i].code,
                  guesses[i].right, text);
        cr_assert_eq(at_load, guesses[i].when == AT_LOAD, "%s: at another time", guesses[i].code);
        fixture_close(&f);
    }
}

/* Each guess of the design is one of ours. */
Test(guesses, those_of_the_design_are_all_here)
{
    char line[512];
    size_t count = 0;
    FILE *in = fopen(check_shared("design/policies/guesses.lua"), "re");
    cr_assert_not_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        char hook[32], code[256];
        bool known = false;
        if (sscanf(line, "guess(\"%31[a-z_]\", '%255[^']'", hook, code) != 2)
            continue;
        count++;
        for (size_t i = 0; i < GUESSES && !known; i++)
            known = strcmp(guesses[i].hook, hook) == 0 && strcmp(guesses[i].code, code) == 0;
        cr_assert(known, "%s", code);
    }
    fclose(in);
    cr_assert_eq(count, 22);
}

/* What is right stays right: names of the file's own, of other functions, in texts and comments. */
Test(guesses, a_name_of_the_files_own_is_left_alone)
{
    static const char *const good[] = {
        "-- gw.nothing\n--[[ gw.nothing\n]] local s = 'gw.nothing' .. \"req.nothing\" .. [[gw.nothing]] local p = {}\n",
        "local function test(req) return req.anything end local p = {}\n",
        "local json, request = { decode = 1 }, { model = 2 } local x = json.decode + request.model local p = {}\n",
        "local p = { string = { nothing = 1 }, os = 2 } local x = p.string.nothing p = {}\n",
        "local string = { mine = 1 } local x = string.mine local p = {}\n",
        "for os, math in pairs({}) do local x = os.time + math.mine end local p = {}\n",
        "local a = 1 --[==[ ]] gw.nothing ]==] local p = {}\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct fixture f;
        char source[1024];
        snprintf(source, sizeof source,
                 "%sfunction p.on_request(req) if req.vars.x == nil then req.vars.x = 1 end end return p", good[i]);
        fixture_open(&f, source, NULL);
        cr_assert_str_eq(f.wrong, "", "%s", good[i]);
        fixture_close(&f);
    }
}

/* A line behind comments and long texts is counted. */
Test(guesses, the_line_behind_comments)
{
    struct fixture f;
    fixture_open(
        &f,
        "--[[ one\ntwo ]] -- rest\nlocal s = [==[\n]==] .. 'a\\\nb'\nreturn { on_request = function(r) return r.modle end }",
        NULL);
    cr_assert(strncmp(f.wrong, "p.lua:6: ", 9) == 0, "%s", f.wrong);
    cr_assert_not_null(strstr(f.wrong, "did you mean \"model\""));
    fixture_close(&f);
}
