/* test_messages_parts.c - what each kind of block in a user's message becomes in a chat. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

#define T(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define CACHE ",\"cache_control\":{\"type\":\"ephemeral\"}"

Test(messages_parts, of_a_user)
{
    static const struct {
        const char *block, *parts; /* behind a text "see" */
    } rows[] = {
        { T("a"), T("see") "," T("a") },
        { T(""), NULL },
        { "{\"type\":\"text\",\"text\":\"a\"" CACHE "}", T("see") ",{\"type\":\"text\",\"text\":\"a\"" CACHE "}" },
        { "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":null}", T("see") "," T("a") },
        { "{\"type\":\"search_result\",\"title\":\"ti\",\"source\":\"so\",\"content\":[" T("one") "," T("two") "]}",
          T("see") "," T("ti\\nso") "," T("one") "," T("two") },
        { "{\"type\":\"search_result\",\"title\":\"ti\",\"source\":\"so\",\"content\":[" T("one") "]}",
          T("see") "," T("ti\\nso") "," T("one") },
        { "{\"type\":\"search_result\",\"title\":\"ti\",\"source\":\"so\"}", T("see") "," T("ti\\nso") },
        { "{\"type\":\"tool_reference\",\"tool_name\":\"f\"}", T("see") "," T("f") },
        { "{\"type\":\"compaction\",\"content\":\"sum\"" CACHE "}",
          T("see") ",{\"type\":\"text\",\"text\":\"sum\"" CACHE "}" },
        { "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}}",
          T("see") ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}" },
        { "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"aGk=\"}}",
          T("see") ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}" },
        { "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"data\":\"long\"}" CACHE "}",
          T("see") ",{\"type\":\"text\",\"text\":\"long\"" CACHE "}" },
        { "{\"type\":\"document\",\"title\":\"ti\",\"context\":\"co\",\"source\":{\"type\":\"text\",\"data\":\"long\"}}",
          T("see") "," T("ti\\nco") "," T("long") },
        { "{\"type\":\"document\",\"context\":\"co\",\"source\":{\"type\":\"text\",\"data\":\"long\"}}",
          T("see") "," T("co") "," T("long") },
        { "{\"type\":\"document\",\"title\":\"ti\",\"source\":{\"type\":\"content\",\"content\":\"long\"}}",
          T("see") "," T("ti") "," T("long") },
        { "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":\"\"}}", NULL },
        { "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":\"long\"}}", T("see") "," T("long") },
        { "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"}" CACHE "}",
          T("see") ",{\"type\":\"file\",\"file\":{\"filename\":\"document.pdf\",\"file_data\":\"https://x/y.pdf\"}" CACHE
                   "}" },
        { "{\"type\":\"document\",\"title\":\"t.pdf\",\"source\":{\"type\":\"file\",\"file_id\":\"f1\"}}",
          T("see") ",{\"type\":\"file\",\"file\":{\"file_id\":\"f1\"}}" },
        { "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f1\"}}",
          T("see") ",{\"type\":\"file\",\"file\":{\"file_id\":\"f1\"}}" },
    };
    char body[1000], want[1000];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        help_begin();
        snprintf(body, sizeof body,
                 "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" T("see") ",%s]}]}",
                 rows[i].block);
        const struct json *got = help_at(help_translate(body), "messages.0.content");
        cr_assert_not_null(got, "%s", body);
        snprintf(want, sizeof want, rows[i].parts != NULL ? "[%s]" : "\"see\"", rows[i].parts);
        cr_assert(help_equal(got, help_json(text_of(want))), "%s\n%.*s", body, TEXT_ARG(json_text(got)));
        help_end();
    }
}
