/* rule.c - reads and tries the rules of the price book. */
#include "money/rule.h"

#include <ctype.h>

static void free_pattern(void *arg)
{
    regfree(arg);
}

static int parse_part(struct rule_part *part, struct text written, struct arena *arena, struct fail *fail)
{
    struct text rest = written;

    if (rest.len > 0 && rest.ptr[0] == '!') {
        part->negated = true;
        rest.ptr++, rest.len--;
    }
    if (rest.len < 2 || strchr("=^$*~", rest.ptr[0]) == NULL)
        return fail_set(fail, FAIL_OPERATOR, "\"%.*s\" is no rule: it begins with = ^ $ * or ~, then has a name",
                        TEXT_ARG(written));
    part->kind = rest.ptr[0];
    part->text = arena_text(arena, (struct text){ rest.ptr + 1, rest.len - 1 });
    if (part->kind != '~')
        return 0;
    part->pattern = arena_new(arena, regex_t);
    if (regcomp(part->pattern, part->text.ptr, REG_EXTENDED | REG_NOSUB) != 0)
        return fail_set(fail, FAIL_OPERATOR, "\"%.*s\" is no POSIX extended regular expression", TEXT_ARG(part->text));
    arena_defer(arena, free_pattern, part->pattern);
    return 0;
}

int rule_parse(struct book_rule *rule, const struct json *written, struct arena *arena, struct fail *fail)
{
    bool is_list = json_type(written) == JSON_T_ARRAY;
    size_t count = is_list ? json_count(written) : 1;

    if (count == 0 || (!is_list && json_type(written) != JSON_T_STR))
        return fail_set(fail, FAIL_OPERATOR, "a rule is a text or a list of texts");
    rule->parts = arena_array(arena, struct rule_part, count);
    rule->part_count = count;
    for (size_t i = 0; i < count; i++)
        if (parse_part(&rule->parts[i], json_str(is_list ? json_at(written, i) : written), arena, fail) != 0)
            return -1;
    return 0;
}

/* How many digits are at the start. */
static size_t digits(struct text t)
{
    size_t n = 0;

    while (n < t.len && isdigit((unsigned char)t.ptr[n]))
        n++;
    return n;
}

static int number(const char *at, size_t len)
{
    int value = 0;

    for (size_t i = 0; i < len; i++)
        value = value * 10 + (at[i] - '0');
    return value;
}

static bool is_month(const char *at)
{
    int month = number(at, 2);

    return month >= 1 && month <= 12;
}

static bool is_month_day(const char *at)
{
    int day = number(at + 2, 2);

    return is_month(at) && day >= 1 && day <= 31;
}

/* 20251001, 2025-10-01, 251001, 0613, 2512 (a year and a month: mistral-large-2512). */
static bool is_date(struct text t)
{
    size_t n = digits(t);

    if (n == 8)
        return number(t.ptr, 2) == 20 && is_month_day(t.ptr + 4);
    if (n == 6)
        return is_month_day(t.ptr + 2);
    if (n == 4 && number(t.ptr, 2) == 20)
        return t.len > 6 && strchr("-.", t.ptr[4]) != NULL && digits((struct text){ t.ptr + 5, t.len - 5 }) == 2 &&
               is_month(t.ptr + 5);
    return n == 4 && (is_month_day(t.ptr) || (number(t.ptr, 2) >= 23 && is_month(t.ptr + 2)));
}

/* How many digits are at the end, after one of "-._@". */
static size_t last_digits(struct text t)
{
    size_t n = 0;

    while (n < t.len && isdigit((unsigned char)t.ptr[t.len - n - 1]))
        n++;
    return n < t.len && strchr("-._@", t.ptr[t.len - n - 1]) != NULL ? n : 0;
}

/* A rule may end inside a date or a revision: claude-sonnet-4-2025 is about claude-sonnet-4-20250514, gemini-2.0-flash-0 about
 * gemini-2.0-flash-001. A number that can be a version is not begun by another one: 2 does not begin 2512. */
static bool is_cut_number(struct text name, struct text rest)
{
    size_t begun = last_digits(name), more = digits(rest);
    struct text whole = { rest.ptr - begun, begun + rest.len };

    if (begun == 0 || (whole.ptr[0] != '0' && (begun != 4 || number(whole.ptr, 2) != 20)))
        return false;
    return is_date(whole) || begun + more == 3;
}

/* Does what follows a matched name make it another version's? `rest` stands behind the name. */
static bool is_other_version(struct text name, struct text rest)
{
    bool after_digit = name.len > 0 && isdigit((unsigned char)name.ptr[name.len - 1]);

    if (rest.len > 0 && after_digit && isdigit((unsigned char)rest.ptr[0]))
        return !is_cut_number(name, rest); /* gpt-4 and gpt-41 */
    if (rest.len > 0 && strchr("-._@", rest.ptr[0]) != NULL)
        rest.ptr++, rest.len--; /* what follows a colon is a revision of the same model: Bedrock's v1:0 */
    else if (rest.len > 0 && !isdigit((unsigned char)rest.ptr[0]))
        return false;
    return digits(rest) > 0 && !is_date(rest);
}

static bool starts_here(struct text model, size_t at, struct text name)
{
    struct text here = { model.ptr + at, model.len - at };

    return text_starts(here, name) &&
           !is_other_version(name, (struct text){ here.ptr + name.len, here.len - name.len });
}

static bool contains(struct text model, struct text name)
{
    for (size_t at = 0; at + name.len <= model.len; at++)
        if (starts_here(model, at, name))
            return true;
    return false;
}

static bool part_matches(const struct rule_part *part, struct text model)
{
    switch (part->kind) {
    case '=':
        return text_eq(model, part->text);
    case '^':
        return starts_here(model, 0, part->text);
    case '$':
        return text_ends(model, part->text);
    case '*':
        return contains(model, part->text);
    default:
        return regexec(part->pattern, model.ptr, 0, NULL, 0) == 0;
    }
}

bool rule_matches(const struct book_rule *rule, struct text model)
{
    for (size_t i = 0; i < rule->part_count; i++)
        if (part_matches(&rule->parts[i], model) == rule->parts[i].negated)
            return false;
    return true;
}
