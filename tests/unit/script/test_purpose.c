/* req.purpose: the chores of coding agents, by their headers and the words of their prompts. */
#include <string.h>

#include "base/log.h"
#include "check.h"
#include "fixture.h"

#define USER(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define SYSTEM(text)                                                                                                   \
    "\"system\":[{\"type\":\"text\",\"text\":\"You are Claude Code\"},{\"type\":\"text\",\"text\":\"" text "\"}],"
#define CHAT(system, user)                                                                                             \
    "\"messages\":[{\"role\":\"system\",\"content\":\"" system "\"},{\"role\":\"user\",\"content\":\"" user "\"}]"
#define COMPACT                                                                                                        \
    "CRITICAL: Respond with TEXT ONLY.\\n\\nYour task is to create a detailed summary of the conversation so far"

static const struct line {
    const struct face *face;
    struct script_header header;
    const char *body, *wanted;
} lines[] = {
    { &face_messages, { .name = TEXT_NONE }, USER("hello"), "nil" },
    { &face_messages, { .name = TEXT_NONE }, "\"max_tokens\":1," USER("quota"), "quota_check" },
    { &face_messages, { .name = TEXT_NONE }, "\"max_tokens\":10," USER("quota"), "nil" },
    { &face_messages,
      { .name = TEXT_NONE },
      SYSTEM("Analyze if this message indicates a new conversation topic. If it does") USER("fix it"),
      "topic" },
    { &face_messages,
      { .name = TEXT_NONE },
      SYSTEM("Generate a concise, sentence-case title (3-7 words)") USER("fix it"),
      "title" },
    { &face_messages,
      { .name = TEXT_NONE },
      USER("Please write a 5-10 word title the following conversation"),
      "title" },
    { &face_chat,
      { .name = TEXT_NONE },
      CHAT("You are a title generator. You output ONLY a thread title.", "hi"),
      "title" },
    { &face_chat, { .name = TEXT_NONE }, CHAT("Never say: You are a title generator", "hi"), "nil" },
    { &face_messages,
      { .name = TEXT_NONE },
      "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"<x>\"},{\"type\":\"text\",\"text\":\"" COMPACT
      "\"}]}]",
      "compact" },
    { &face_messages,
      { .name = TEXT_NONE },
      "\"messages\":[{\"role\":\"user\",\"content\":\"" COMPACT
      "\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"go on\"}]",
      "nil" },
    { &face_chat,
      { .name = TEXT_NONE },
      USER("You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff"),
      "compact" },
    { &face_messages,
      { .name = TEXT_NONE },
      SYSTEM("You are an agent for Claude Code, Anthropic's official CLI for Claude.") USER("look"),
      "subagent" },
    { &face_messages, { TEXT("X-Claude-Code-Agent-Id"), TEXT("a1") }, USER("look"), "subagent" },
    { &face_messages, { TEXT("X-Claude-Code-Agent-Id"), TEXT("a1") }, USER(COMPACT), "compact" },
    { &face_messages, { TEXT("X-Claude-Code-Agent-Id"), TEXT("") }, USER("look"), "nil" },
    { &face_chat, { TEXT("x-openai-subagent"), TEXT("review") }, USER("look"), "subagent" },
    { &face_chat, { TEXT("x-openai-subagent"), TEXT("compact") }, USER("look"), "compact" },
    { &face_embeddings,
      { TEXT("x-openai-subagent"), TEXT("compact") },
      "\"input\":\"You are a title generator\"",
      "nil" },
};

Test(purpose, is_known_by_header_and_prompt)
{
    static const char source[] =
        "return { on_request = function(req) return gw.deny(400, 'no', tostring(req.purpose)) end }";
    struct fixture f;
    log_set_level(0);
    fixture_open(&f, source, NULL);
    cr_assert_str_eq(f.wrong, "");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char body[2048];
        const char *limit = strstr(lines[i].body, "max_tokens") == NULL ? "\"max_tokens\":10," : "";
        snprintf(body, sizeof body, "{\"model\":\"fast\",%s%s}", limit, lines[i].body);
        fixture_ask(&f, lines[i].face, body);
        f.req.headers = &lines[i].header;
        f.req.header_count = lines[i].header.name.len > 0;
        cr_assert_eq(script_on_request(f.worker, &f.req), SCRIPT_DENY, "%s", body);
        cr_assert(text_eq(f.req.refusal.text, text_of(lines[i].wanted)), "%s: %s: %.*s", lines[i].wanted, body,
                  TEXT_ARG(f.req.refusal.text));
        script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "denied" });
    }
    fixture_close(&f);
}
