/* words_write.c - the table of words for people and programs: `check --words`. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "boot/words.h"

static const char *type_name(enum word_type type)
{
    static const char *const names[] = { [WORD_STRING] = "string",
                                         [WORD_NUMBER] = "number",
                                         [WORD_COUNT] = "whole number",
                                         [WORD_SHARE] = "share",
                                         [WORD_BOOL] = "boolean",
                                         [WORD_CHOICE] = "choice",
                                         [WORD_WORKERS] = "whole number or auto",
                                         [WORD_LIMIT] = "whole number or adaptive",
                                         [WORD_STRINGS] = "strings",
                                         [WORD_PATHS] = "strings",
                                         [WORD_SECRET] = "secret",
                                         [WORD_SECRETS] = "secrets",
                                         [WORD_HEADERS] = "headers",
                                         [WORD_TARGETS] = "targets",
                                         [WORD_USD] = "USD",
                                         [WORD_BUDGETS] = "budgets",
                                         [WORD_TAGS] = "tags",
                                         [WORD_ARGS] = "args",
                                         [WORD_PRICE] = "price",
                                         [WORD_SETTINGS] = "braces",
                                         [WORD_PLACES] = "places",
                                         [WORD_EXTRAS] = "any",
                                         [WORD_FUNCTION] = "function" };
    return names[type];
}

static const char *unit_name(const char *unit)
{
    return strcmp(unit, "s") == 0 ? "seconds" : strcmp(unit, "ms") == 0 ? "milliseconds" : unit;
}

static void write_range(const struct word_row *row, struct buf *out)
{
    buf_printf(out, " from %.12g to %.12g", row->least, row->most);
}

static void write_choices(const struct word_row *row, struct buf *out)
{
    struct text rest = text_of(row->choices);
    for (bool first = true; rest.len > 0; first = false) {
        struct text choice = text_cut(&rest, ' ');
        buf_printf(out, "%s\"%.*s\"", first ? "" : " or ", TEXT_ARG(choice));
    }
}

void words_write_wanted(const struct word_row *row, struct buf *out)
{
    switch (row->type) {
    case WORD_STRING:
        buf_str(out, "a string");
        break;
    case WORD_NUMBER:
        buf_printf(out, "a number of %s", unit_name(row->unit));
        write_range(row, out);
        break;
    case WORD_COUNT:
        buf_str(out, "a whole number");
        write_range(row, out);
        break;
    case WORD_SHARE:
        buf_str(out, "a number");
        write_range(row, out);
        break;
    case WORD_BOOL:
        buf_str(out, "true or false");
        break;
    case WORD_CHOICE:
        write_choices(row, out);
        break;
    case WORD_WORKERS:
        buf_str(out, "\"auto\" or a whole number");
        write_range(row, out);
        break;
    case WORD_LIMIT:
        buf_str(out, "\"adaptive\" or a whole number");
        write_range(row, out);
        break;
    case WORD_STRINGS:
        buf_str(out, "a list of strings");
        break;
    case WORD_PATHS:
        buf_str(out, "a string or a list of strings");
        break;
    case WORD_SECRET:
        buf_str(out, "env \"NAME\" or file \"path\"");
        break;
    case WORD_SECRETS:
        buf_str(out, "a list of env \"NAME\" and file \"path\", or { name = env \"NAME\" }");
        break;
    case WORD_HEADERS:
        buf_str(out, "{ [\"Name\"] = \"value\" }, where a value may also be env \"NAME\" or file \"path\"");
        break;
    case WORD_USD:
        buf_str(out, "US dollars, as a number or a string with at most 9 digits after the point");
        break;
    case WORD_BUDGETS:
        buf_str(
            out,
            "the settings of \"budget\" in braces, or a list of such: { usd = 20 } or { { usd = 5, per = \"day\" }, { usd = 50 } }");
        break;
    case WORD_TAGS:
        buf_str(out, "{ name = \"value\" }: at most 8 tags");
        break;
    case WORD_TARGETS:
        buf_str(out, "a list of \"provider/model\"");
        break;
    case WORD_PRICE:
        buf_str(out, "\"free\" or { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }, in US dollars");
        break;
    case WORD_SETTINGS:
        buf_str(out, "settings in braces");
        break;
    case WORD_ARGS:
        buf_str(out, "{ name = value }");
        break;
    case WORD_PLACES:
        buf_str(out, "{ name = { url = \"https://...\" } }");
        break;
    case WORD_EXTRAS:
        buf_str(out, "the plugin's own settings");
        break;
    case WORD_FUNCTION:
        buf_str(out, "a string");
        break;
    }
}

/* "model.timeout" and "connect_s" become "timeout.connect_s"; "" about the word itself. */
static void write_setting(const struct word_row *row, struct buf *out)
{
    const char *dot = strchr(row->word, '.');
    if (dot != NULL)
        buf_printf(out, "%s.", dot + 1);
    if (row->setting != NULL)
        buf_str(out, row->setting);
}

static struct text word_of(const struct word_row *row)
{
    struct text rest = text_of(row->word);
    return text_cut(&rest, '.');
}

static void write_row(const struct word_row *row, struct buf *out)
{
    struct buf part;
    buf_init(&part, 512);
    if (row->setting == NULL) {
        buf_printf(out, "\n%s\n", row->help);
    } else {
        write_setting(row, &part);
        buf_printf(out, "    %-22.*s %s\n", TEXT_ARG(buf_view(&part)), row->help);
        buf_truncate(&part, 0);
        words_write_wanted(row, &part);
        buf_printf(out, "    %-22s   %.*s", "", TEXT_ARG(buf_view(&part)));
        if (row->otherwise != NULL)
            buf_printf(out, "; %s unless said", row->otherwise);
        if (row->required)
            buf_str(out, "; required");
        if (!row->reload)
            buf_str(out, "; from the next start on");
        buf_str(out, "\n");
    }
    buf_free(&part);
}

static void write_row_json(const struct word_row *row, struct json_writer *w)
{
    struct buf part;
    buf_init(&part, 512);
    json_object(w);
    json_name(w, "word");
    json_put_str(w, word_of(row));
    if (row->setting != NULL) {
        write_setting(row, &part);
        json_name(w, "setting");
        json_put_str(w, buf_view(&part));
        buf_truncate(&part, 0);
    }
    json_name(w, "type");
    json_put_str(w, text_of(type_name(row->type)));
    words_write_wanted(row, &part);
    json_name(w, "takes");
    json_put_str(w, buf_view(&part));
    if (row->unit != NULL) {
        json_name(w, "unit");
        json_put_str(w, text_of(row->unit));
    }
    if (row->otherwise != NULL) {
        json_name(w, "default");
        json_put_str(w, text_of(row->otherwise));
    }
    json_name(w, "required");
    json_put_bool(w, row->required);
    json_name(w, "reload");
    json_put_bool(w, row->reload);
    json_name(w, "help");
    json_put_str(w, text_of(row->help));
    json_close(w);
    buf_free(&part);
}

void words_write(bool as_json, struct buf *out)
{
    if (!as_json) {
        buf_str(
            out,
            "The words of gateway.lua. [] stands for values without a name, ... for the plugin's own. What is changed\n"
            "counts from `llm-gateway reload` on, or from the next start on where that stands behind it.\n");
        for (size_t i = 0; i < word_count; i++)
            write_row(&words[i], out);
        return;
    }
    struct json_writer w;
    json_writer_init(&w, out);
    json_array(&w);
    for (size_t i = 0; i < word_count; i++)
        write_row_json(&words[i], &w);
    json_close(&w);
    json_end(&w);
    buf_str(out, "\n");
}
