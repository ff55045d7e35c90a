/* test_zone_file.c - files that are no zones, in the words of the refusal; rules to the last byte. */
#include "folder.h"
#include "money/zone_file.h"

static const char none[] = "it is no time zone file that this program reads (TZif, version 2 or later)";

struct file {
    char bytes[1 << 14];
    size_t len, second, rule; /* where the second block and the rule behind it begin */
};

static void read_berlin(struct file *f)
{
    char path[200];
    snprintf(path, sizeof path, "%s/Europe/Berlin", zone_folder());
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    f->len = fread(f->bytes, 1, sizeof f->bytes, file);
    fclose(file);
    const char *second = memmem(f->bytes + 4, f->len - 4, "TZif", 4), *rule = memrchr(f->bytes, '\n', f->len - 1);
    cr_assert(f->len < sizeof f->bytes && second != NULL && rule != NULL && f->bytes[f->len - 1] == '\n');
    f->second = (size_t)(second - f->bytes);
    f->rule = (size_t)(rule - f->bytes);
}

static int parse(const struct file *f, const char **why)
{
    struct zone zone = { 0 };
    struct arena arena;
    arena_init(&arena, NULL, 0, 4 << 20);
    int result = zone_file_parse((struct text){ f->bytes, f->len }, &arena, &zone, why);
    arena_fini(&arena);
    return result;
}

Test(zone_file, has_two_blocks_and_a_rule)
{
    static struct file f;
    const char *why;
    read_berlin(&f);
    cr_assert_eq(parse(&f, &why), 0);
    const struct {
        size_t at;
        char byte;
    } wrong[] = { { 0, 'X' },
                  { 3, 'g' },
                  { 4, '1' },
                  { 4, '\0' },
                  { f.second, 'X' },
                  { f.second + 3, 'F' },
                  { f.second + 4, '1' },
                  { f.rule, ' ' },
                  { f.len - 1, ' ' },
                  { f.rule + 1, '1' } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char was = f.bytes[wrong[i].at];
        f.bytes[wrong[i].at] = wrong[i].byte;
        cr_assert_eq(parse(&f, &why), -1, "%zu", i);
        cr_assert_str_eq(why, none);
        f.bytes[wrong[i].at] = was;
    }
    f.bytes[f.second + 31]++; /* the last byte of how many leap seconds it has */
    f.len += 12;              /* and room for one */
    cr_assert_eq(parse(&f, &why), -1);
    cr_assert_str_eq(why, "it counts leap seconds, as this system's clock does not");
    f.bytes[f.second + 31]--;
    f.len = f.rule + 2; /* no rule: what is beyond is as it was last */
    f.bytes[f.rule + 1] = '\n';
    cr_assert_eq(parse(&f, &why), 0);
    f.len = f.rule + 1;
    cr_assert_eq(parse(&f, &why), -1);
}

static void is_refused(const char *folder, const char *name, const char *expected)
{
    struct arena arena;
    struct fail fail = { .kind = FAIL_NONE };
    arena_init(&arena, NULL, 0, 64 << 20);
    cr_assert_null(zone_read(folder, text_of(name), &arena, &fail), "%s", name);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_str_eq(fail.text, expected, "%s", fail.text);
    arena_fini(&arena);
}

Test(zone_file, what_is_none_is_named)
{
    struct folder f;
    char path[512], expected[1024];
    folder_make(&f);
    snprintf(path, sizeof path, "%s/Spoiled", f.path);
    folder_write(path, "nothing", 7);
    snprintf(expected, sizeof expected, "%s/Spoiled: %s", f.path, none);
    is_refused(f.path, "Spoiled", expected);
    snprintf(expected, sizeof expected,
             "there is no time zone \"Other\" in %s: they are written like \"Europe/Berlin\"", f.path);
    is_refused(f.path, "Other", expected);
    is_refused(f.path, "../x", "\"../x\" is no name of a time zone: they are written like \"Europe/Berlin\"");
    is_refused("/nowhere", "Other",
               "/nowhere/Other cannot be read: No such file or directory. Time zones are in the package tzdata");
    snprintf(path, sizeof path, "%s/Folder", f.path);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(expected, sizeof expected,
             "%s/Folder cannot be read: Invalid argument. Time zones are in the package tzdata", f.path);
    is_refused(f.path, "Folder", expected);
    rmdir(path);
    folder_remove(&f);
}

/* The text of a rule ends with its last byte, wherever that is. */
Test(zone_file, a_rule_is_read_no_further)
{
    static const char rule[] = "<+03>-3<+04>-4:30:15,J60/-1:02:03,300/+25:00";
    int64_t times[ZONE_RULE_MOST];
    int32_t east[ZONE_RULE_MOST];
    for (size_t len = 0; len < sizeof rule; len++) {
        struct zone zone = { .at = times, .east = east };
        char *copy = malloc(len + (len == 0));
        cr_assert_not_null(copy);
        memcpy(copy, rule, len);
        int result = zone_rule_apply((struct text){ copy, len }, 0, &zone);
        bool standard = len == strlen("<+03>-3"); /* a zone whose clocks do not change */
        cr_assert(result == 0 || result == -1);
        cr_assert_eq(result == 0,
                     standard || (len > strlen("<+03>-3<+04>-4:30:15,J60/-1:02:03,") && rule[len - 1] != '/' &&
                                  rule[len - 1] != '+' && rule[len - 1] != ':'),
                     "%zu", len);
        free(copy);
    }
}

/* Days are counted from 0, or with a J from 1 and without 29 February. */
Test(zone_file, days_of_a_rule_begin_at_nothing)
{
    int64_t times[ZONE_RULE_MOST];
    int32_t east[ZONE_RULE_MOST];
    struct zone zone = { .at = times, .east = east };
    cr_assert_eq(zone_rule_apply(TEXT("AAA0BBB-1,0/0,J365/1"), INT64_C(1798675200), &zone), 0); /* 2026-12-31 */
    cr_assert(times[0] == 1798761600 && east[0] == 3600, "%lld", (long long)times[0]);          /* 2027-01-01 */
    cr_assert(times[1] == 1830211200 && east[1] == 0, "%lld", (long long)times[1]); /* 2027-12-31, 1:00 by its clock */
    struct zone still = { .at = times, .east = east };
    cr_assert_eq(zone_rule_apply(TEXT("AAA-2"), 0, &still), 0);
    cr_assert(still.count == 0 && still.first == 7200);
    struct zone wrong = { .at = times, .east = east };
    cr_assert_eq(zone_rule_apply(TEXT("AAA0BBB-1,J0/0,J365/1"), 0, &wrong), -1);
    cr_assert_eq(zone_rule_apply(TEXT("AAA0BBB-1,366/0,J365/1"), 0, &wrong), -1);
}
