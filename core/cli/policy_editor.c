/* policy_editor.c - llm-gateway policy editor: what lua-language-server and luacheck need to know the words. */
#include "cli/policy_editor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "boot/words.h"
#include "cli/cli.h"
#include "script/editor.h"

#define MARK "written by `llm-gateway policy editor`"
enum { FILE_MOST = 1 << 20, LINE_MOST = 110 };

/* The words of gateway.lua, each once, in lines. */
static void write_config_words(struct buf *out)
{
    size_t column = 0;
    for (size_t i = 0; i < word_count; i++) {
        const char *word = words[i].word;
        bool again = strchr(word, '.') != NULL;
        for (size_t k = 0; k < i && !again; k++)
            again = strcmp(words[k].word, word) == 0;
        if (again)
            continue;
        buf_printf(out, "%s\"%s\",", column == 0 ? "        " : " ", word);
        column += strlen(word) + 4;
        if (column > LINE_MOST - 20) {
            buf_str(out, "\n");
            column = 0;
        }
    }
    buf_str(out, column > 0 ? "\n" : "");
}

static void write_luacheck(struct buf *out)
{
    buf_str(out, "-- What policies, their tests and gateway.lua may use, " MARK ":\n-- anything else is a warning.\n");
    editor_write_std(out);
    buf_str(out, "stds.config = {\n    read_globals = {\n");
    write_config_words(out);
    buf_str(out, "        \"ipairs\", \"pairs\", \"print\", \"tonumber\", \"tostring\", \"type\",\n"
                 "        math = { other_fields = true },\n"
                 "        string = { other_fields = true },\n"
                 "        table = { other_fields = true },\n"
                 "    },\n}\n"
                 "std = \"policy\"\n"
                 "unused_args = false\n"
                 "max_line_length = 120\n"
                 "files[\"**/*_test.lua\"] = { std = \"policy\", read_globals = { \"test\" } }\n"
                 "files[\"**/gateway.lua\"] = { std = \"config\" }\n"
                 "files[\"**/gw.lua\"] = { ignore = { \"\" } }\n");
}

/* Is there a file that others have written? `text` is what would be written. */
static bool is_theirs(const char *path, bool marked, struct text text)
{
    char *found = malloc(FILE_MOST);
    FILE *in = fopen(path, "re");
    struct text there = { found, in != NULL && found != NULL ? fread(found, 1, FILE_MOST, in) : 0 };
    bool theirs = in != NULL && !text_eq(there, text) && !(marked && text_find(there, TEXT(MARK)) >= 0);
    if (in != NULL)
        fclose(in);
    free(found);
    return theirs;
}

static int write_one(const char *folder, const char *name, void (*write)(struct buf *out), bool marked)
{
    struct arena arena;
    struct buf out;
    int code = CLI_OK;
    arena_init(&arena, NULL, 0, 1 << 16);
    buf_init(&out, FILE_MOST);
    write(&out);
    const char *path = arena_printf(&arena, "%s/%s", folder, name);
    if (is_theirs(path, marked, buf_view(&out))) {
        cli_say("%s is there and is not from this command: it stays as it is", path);
    } else {
        FILE *file = fopen(path, "we");
        struct text text = buf_view(&out);
        bool good = file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len;
        if (file != NULL && fclose(file) != 0)
            good = false;
        if (!good) {
            cli_say("%s: %s", path, strerror(errno));
            code = CLI_FAILED;
        } else {
            printf("%s\n", path);
        }
    }
    buf_free(&out);
    arena_fini(&arena);
    return code;
}

int policy_editor(const char *folder)
{
    int code = write_one(folder, "gw.lua", editor_write_luals, true);
    if (code == CLI_OK)
        code = write_one(folder, ".luacheckrc", write_luacheck, true);
    return code == CLI_OK ? write_one(folder, ".luarc.json", editor_write_luarc, false) : code;
}
