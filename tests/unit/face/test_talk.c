/* test_talk.c - what is said in a request, by API: who speaks, texts, images, files, calls and tools. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

/* As text: "role text|text I1 F1 id:name(arguments);", then ">tool,tool", " I1 F1 json" of all, and the bytes of texts. */
static const char *talk_as(talk_reader *read, const char *body)
{
    static char out[4000];
    size_t n = 0;

    help.ask = (struct ask){ .body = text_of(body) };
    cr_assert(scan_object(&help.arena, text_of(body), SCAN_MAX_DEPTH, &help.ask.scan) == 0 || body[0] != '{', "%s",
              body);
    const struct talk *t = read(&help.arena, &help.ask, &help.fail);
    if (t == NULL)
        return "none";
    out[0] = '\0';
#define ADD(...) (n += (size_t)snprintf(out + n, sizeof out - n, __VA_ARGS__))
    for (size_t i = 0; i < t->count; i++) {
        const struct talk_turn *turn = &t->turns[i];
        ADD("%s ", turn->role);
        for (size_t k = 0; k < turn->text_count; k++)
            ADD("%s%.*s", k > 0 ? "|" : "", TEXT_ARG(turn->texts[k]));
        if (turn->images > 0)
            ADD(" I%u", turn->images);
        if (turn->files > 0)
            ADD(" F%u", turn->files);
        for (size_t k = 0; k < turn->call_count; k++)
            ADD(" %.*s:%.*s(%.*s)", TEXT_ARG(turn->calls[k].id), TEXT_ARG(turn->calls[k].name),
                TEXT_ARG(turn->calls[k].arguments));
        ADD(";");
    }
    for (size_t i = 0; i < t->tool_count; i++)
        ADD("%s%.*s", i == 0 ? ">" : ",", TEXT_ARG(t->tools[i]));
    if (t->images > 0)
        ADD(" I%u", t->images);
    if (t->files > 0)
        ADD(" F%u", t->files);
    ADD("%s %zu", t->wants_json ? " json" : "", t->text_bytes);
#undef ADD
    return out;
}

struct row {
    const char *body, *talk;
};

static void check(talk_reader *read, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        help_begin();
        cr_assert_str_eq(talk_as(read, rows[i].body), rows[i].talk, "%s", rows[i].body);
        help_end();
    }
}
#define CHECK_ROWS(read, rows) check(read, rows, sizeof(rows) / sizeof *(rows))

#define SAY(role, content) "{\"role\":\"" role "\",\"content\":" content "}"
#define TALK(messages) "{\"messages\":[" messages "]}"

Test(talk, of_a_chat)
{
    static const struct row rows[] = {
        { TALK(SAY("system", "\"be\"") "," SAY("developer", "\"b\"") "," SAY("user", "\"hi\"") "," SAY("assistant",
                                                                                                       "\"yo\"")),
          "system be;system b;user hi;assistant yo; 7" },
        { TALK(SAY("tool", "\"7\"") "," SAY("function", "\"8\"") "," SAY("model", "\"m\"") "," SAY("other",
                                                                                                   "\"o\"") ",{}"),
          "tool 7;tool 8;assistant m;user o;user ; 4" },
        { TALK(SAY("user", "[{\"type\":\"text\",\"text\":\"a\"},\"bc\",{\"type\":\"text\",\"text\":\"\"}]")),
          "user a|bc; 3" },
        { TALK(
              SAY("user", "[{\"type\":\"image_url\",\"text\":\"x\"},{\"type\":\"file\"},{\"type\":\"input_audio\"},{\"type\":\"image_url\"}]") "," SAY(
                  "user", "[{\"type\":\"file\"}]")),
          "user  I2 F2;user  F1; I2 F3 0" },
        { TALK(
              SAY("assistant",
                  "[{\"type\":\"refusal\",\"refusal\":\"no\",\"text\":\"x\"},{\"type\":\"thinking\",\"text\":\"x\"}]")),
          "assistant no; 2" },
        { TALK(SAY("assistant", "null")), "assistant ; 0" },
        { TALK(SAY("assistant", "{\"text\":\"x\"}")), "assistant ; 0" },
        { TALK(
              "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"c2\","
              "\"custom\":{\"name\":\"g\",\"input\":\"raw\"}}]}"),
          "assistant  c1:f({}) c2:g(raw); 5" },
        { "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":\"web\"},{\"name\":\"n\",\"type\":\"t\"},{}]}",
          ">f,web,n, 82" },
        { "{\"response_format\":{\"type\":\"json_schema\"}}", " json 0" },
        { "{\"response_format\":{\"type\":\"json_object\"}}", " json 0" },
        { "{\"response_format\":{\"type\":\"text\"}}", " 0" },
        { "{\"input\":[{\"role\":\"user\",\"content\":\"hi\"}]}", "user hi; 2" },
        { "{\"input\":\"hi\",\"messages\":[]}", " 0" },
        { "[", "none" },
    };
    CHECK_ROWS(talk_chat, rows);
}

Test(talk, of_responses)
{
    static const struct row rows[] = {
        { "{\"instructions\":\"be\",\"input\":\"hi\"}", "system be;user hi; 4" },
        { "{\"instructions\":7}", " 0" },
        { "{\"input\":[{\"role\":\"developer\",\"content\":\"d\"},{\"content\":[{\"type\":\"input_text\",\"text\":\"t\"},{\"type\":"
          "\"input_image\"},{\"type\":\"input_file\"}]}]}",
          "system d;user t I1 F1; I1 F1 2" },
        { "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\","
          "\"output\":\"o\"}]}",
          "assistant  c:f({});tool o; 3" },
        { "{\"input\":[{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"f\",\"input\":\"raw\"},{\"type\":"
          "\"custom_tool_call_output\",\"output\":[{\"type\":\"input_text\",\"text\":\"o\"}]}]}",
          "assistant  c:f(raw);tool o; 4" },
        { "{\"input\":[{\"type\":\"reasoning\",\"content\":[{\"text\":\"x\"}]},{\"type\":\"item_reference\",\"id\":\"x\"}]}",
          " 0" },
        { "{\"input\":{\"content\":\"x\"}}", " 0" },
        { "{\"text\":{\"format\":{\"type\":\"json_schema\"}}}", " json 0" },
        { "{\"text\":{\"format\":{\"type\":\"text\"}}}", " 0" },
        { "[", "none" },
    };
    CHECK_ROWS(talk_responses, rows);
}

Test(talk, of_messages)
{
    static const struct row rows[] = {
        { "{\"system\":\"be\",\"messages\":[" SAY("user", "\"hi\"") "]}", "system be;user hi; 4" },
        { "{\"system\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}", "system a|b; 2" },
        { "{\"system\":[{\"type\":\"text\",\"text\":\"a\"}]}", "system a; 1" },
        { "{\"system\":[]}", " 0" },
        { TALK(SAY("user", "[]") "," SAY("assistant", "null")), "user ;assistant ; 0" },
        { TALK(SAY(
              "user",
              "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\"},{\"type\":\"document\"},{\"type\":\"text\",\"text\":\"b\"}]")),
          "user a|b I1 F1; I1 F1 2" },
        { TALK(SAY(
              "user",
              "[{\"type\":\"tool_result\",\"content\":\"r\"},{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":\"s\"}]},"
              "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"tool_result\"},{\"type\":\"text\",\"text\":\"c\"}]")),
          "tool r;tool s;user a|b;tool ;user c; 5" },
        { TALK(SAY(
              "assistant",
              "[{\"type\":\"thinking\",\"thinking\":\"x\",\"text\":\"x\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}},"
              "{\"type\":\"server_tool_use\",\"id\":\"u\",\"name\":\"web\",\"input\":{}},{\"type\":\"web_search_tool_result\","
              "\"content\":[{\"type\":\"web_search_result\",\"title\":\"x\"}]}]")),
          "assistant  t:f({\"a\":1}) u:web({});tool ; 9" },
        { "{\"output_config\":{\"format\":{\"type\":\"json_schema\"}}}", " json 0" },
        { "{\"output_format\":{\"type\":\"json_schema\"}}", " json 0" },
        { "[", "none" },
    };
    CHECK_ROWS(talk_messages, rows);
}

Test(talk, of_what_is_a_text_or_a_list)
{
    static const struct row rows[] = {
        { "{\"prompt\":\"a\"}", "user a; 1" },
        { "{\"input\":[\"a\",\"bc\"]}", "user a|bc; 3" },
        { "{\"query\":\"q\",\"documents\":[\"d\",{\"text\":\"e\"}]}", "user q|d|e; 3" },
        { "{\"input\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]}", "user a I1; I1 1" },
        { "{\"input\":[[\"a\"],[1,2]],\"prompt\":7}", "user a; 1" },
        { "{\"model\":\"m\"}", "user ; 0" },
        { "--XX", " 0" },
    };
    CHECK_ROWS(talk_prompt, rows);
}

/* Lists that outgrow their first room, and more than once. */
Test(talk, has_long_lists_whole)
{
    static char body[8000], want[4000];
    size_t n = (size_t)snprintf(body, sizeof body, "{\"messages\":["), w = 0;

    for (int i = 0; i < 20; i++) {
        n += (size_t)snprintf(body + n, sizeof body - n, "%s{\"role\":\"user\",\"content\":[", i > 0 ? "," : "");
        w += (size_t)snprintf(want + w, sizeof want - w, "user ");
        for (int k = 0; k <= i; k++) {
            n += (size_t)snprintf(body + n, sizeof body - n, "%s\"%c\"", k > 0 ? "," : "", 'a' + k);
            w += (size_t)snprintf(want + w, sizeof want - w, "%s%c", k > 0 ? "|" : "", 'a' + k);
        }
        n += (size_t)snprintf(body + n, sizeof body - n, "],\"tool_calls\":[");
        for (int k = 0; k < i; k++) {
            n += (size_t)snprintf(body + n, sizeof body - n, "%s{\"id\":\"%d\"}", k > 0 ? "," : "", k);
            w += (size_t)snprintf(want + w, sizeof want - w, " %d:()", k);
        }
        n += (size_t)snprintf(body + n, sizeof body - n, "]}");
        w += (size_t)snprintf(want + w, sizeof want - w, ";");
    }
    snprintf(body + n, sizeof body - n, "]}");
    snprintf(want + w, sizeof want - w, " 210");
    help_begin();
    cr_assert_str_eq(talk_as(talk_chat, body), want);
    help_end();
}

/* The first bytes of the digest of this body. */
static const char *opening_of(const char *body, const char *key, size_t most)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    char hex[17];
    help.ask = (struct ask){ .body = text_of(body) };
    cr_assert(scan_object(&help.arena, text_of(body), SCAN_MAX_DEPTH, &help.ask.scan) == 0);
    bool speaks = talk_opening(talk_messages(&help.arena, &help.ask, &help.fail), text_of(key), most, digest);
    crypto_hex(digest, 8, hex);
    return arena_printf(&help.arena, "%s%s", speaks ? "" : "-", hex);
}

Test(talk, opens_with_what_stays_the_same)
{
#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
    static const struct {
        const char *body, *key;
        bool same;
    } rows[] = {
        { "{\"system\":\"s\",\"messages\":[" SAYS("user", "abcdef") "," SAYS("assistant", "x") "]}", "k", true },
        { "{\"model\":\"m\",\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{}}],"
          "\"messages\":[" SAYS("user", "abcdef") "]}",
          "k", true },
        { "{\"system\":\"s\",\"messages\":[" SAYS("user", "abcdef") "]}", "l", false },
        { "{\"system\":\"t\",\"messages\":[" SAYS("user", "abcdef") "]}", "k", false },
        { "{\"messages\":[" SAYS("user", "sabcdef") "]}", "k", false },
        { "{\"system\":\"s\",\"messages\":[" SAYS("user", "abcdeg") "]}", "k", false },
        { "{\"system\":\"s\",\"messages\":[" SAYS("user", "abcdefg") "]}", "k", false },
    };
    help_begin();
    const char *one = opening_of("{\"system\":\"s\",\"messages\":[" SAYS("user", "abcdef") "]}", "k", SIZE_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(strcmp(one, opening_of(rows[i].body, rows[i].key, SIZE_MAX)) == 0, rows[i].same, "%zu", i);
    one = opening_of("{\"messages\":[" SAYS("user", "abcdef") "]}", "k", 5);
    cr_assert_str_eq(one, opening_of("{\"messages\":[" SAYS("user", "abcdeX") "]}", "k", 5));
    cr_assert(strcmp(one, opening_of("{\"messages\":[" SAYS("user", "abcdXf") "]}", "k", 5)) != 0);
    cr_assert(strcmp(one, opening_of("{\"messages\":[" SAYS("user", "abcdefg") "]}", "k", 5)) != 0,
              "its length counts");
    cr_assert_eq(opening_of("{\"system\":\"s\",\"messages\":[]}", "k", 5)[0], '-');
    help_end();
#undef SAYS
}
