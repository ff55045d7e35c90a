/* test_form.c - forms: what is read of a good one, and each way to be bad. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "dialect/form.h"

#define TYPE "multipart/form-data; boundary=XX"
#define PART(name, value) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define HEAD(head) "--XX\r\n" head "\r\n\r\nv\r\n--XX--"

/* "name=value;" of each part; "!" where it is bad. */
static const char *parts(const char *type, const char *body)
{
    static char text[400];
    struct form form;
    struct text name, value;

    text[0] = '\0';
    if (form_open(&form, text_of(type), text_of(body))) {
        while (form_next(&form, &name, &value))
            snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s=%.*s;", TEXT_ARG(name), TEXT_ARG(value));
    }
    if (form.bad) {
        strcat(text, "!");
        cr_assert_not(form_next(&form, &name, &value), "nothing more");
    }
    return text;
}

Test(form, is_what_its_type_or_its_first_bytes_are)
{
    cr_assert(form_is_meant(TEXT("Multipart/mixed"), TEXT("{}")));
    cr_assert(form_is_meant(TEXT_NONE, TEXT("--x")));
    cr_assert_not(form_is_meant(TEXT("application/json"), TEXT("{}")));
    cr_assert_not(form_is_meant(TEXT("x multipart/form-data"), TEXT("-")));
}

Test(form, begins_with_the_boundary_of_its_header)
{
    static const char body[] = PART("a", "1") "--XX--\r\n";
    static const struct {
        const char *type;
        bool good;
    } rows[] = {
        { TYPE, true },
        { "Multipart/Form-Data;BOUNDARY=XX", true },
        { "multipart/form-data; boundary=\"XX\"", true },
        { "multipart/form-data; boundary=XX; charset=utf-8", true },
        { "multipart/form-data; boundary= XX ", true },
        { "multipart/form-data; boundary=\"XX", false },
        { "multipart/form-data; boundary=XX\"", false },
        { "multipart/form-data; boundary=\"", false },
        { "multipart/form-data; boundary=_XX\"", false },
        { "multipart/form-data; boundary=\"XX_", false },
        { "multipart/form-data; boundary=XY", false },
        { "multipart/form-data; boundary=X", false },
        { "multipart/form-data; boundary=", false },
        { "multipart/form-data; boundary XX", false },
        { "multipart/form-data; boundary", false },
        { "multipart/form-data", false },
        { "multipart/mixed; boundary=XX", false },
        { "multipart/form-data; boundary=XX; boundary=XX", false },
        { "multipart/form-data; boundary=XX; boundary=XY", false },
        { "", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(parts(rows[i].type, body), rows[i].good ? "a=1;" : "!", "%s", rows[i].type);
    cr_assert_str_eq(parts(TYPE, "-" PART("a", "1") "--XX--"), "!");
    cr_assert_str_eq(parts(TYPE, "XXXX\r\n"), "!");
    cr_assert_str_eq(parts(TYPE, "--XX"), "!");
    cr_assert_str_eq(parts("multipart/form-data; boundary=", "--\r\n"), "!");
}

Test(form, has_a_boundary_of_at_most_70_bytes)
{
    char type[120], body[400], name[72];

    for (int len = 69; len <= 71; len++) {
        memset(name, 'b', sizeof name);
        name[len] = '\0';
        snprintf(type, sizeof type, "multipart/form-data; boundary=%s", name);
        snprintf(body, sizeof body, "--%s\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--%s--", name, name);
        cr_assert_str_eq(parts(type, body), len <= 70 ? "a=1;" : "!", "%d", len);
    }
}

Test(form, has_parts_between_its_marks)
{
    cr_assert_str_eq(parts(TYPE, PART("a", "1") PART("b", "") PART("a", "x\r\ny") "--XX--"), "a=1;b=;a=x\r\ny;");
    cr_assert_str_eq(parts(TYPE, "--XX--"), "!", "its first line is no mark");
    cr_assert_str_eq(parts(TYPE, "--XX\r\n--XX--"), "!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1") "--XX--\r\n"), "a=1;");
    cr_assert_str_eq(parts(TYPE, PART("a", "1") "--XX--\r\n\r\n"), "a=1;!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1") "--XX--x"), "a=1;!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1") "--XX-"), "a=1;!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1") "--XX"), "a=1;!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1") "--XX x\r\n"), "a=1;!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1")), "!", "it is not ended");
    cr_assert_str_eq(parts(TYPE, PART("a", "1--XX") "--XX--"), "!", "a mark where only some see one");
    cr_assert_str_eq(parts(TYPE, PART("a", "1\n--XX") "--XX--"), "!");
    cr_assert_str_eq(parts(TYPE, PART("a", "1\r--XX") "--XX--"), "!");
    cr_assert_str_eq(parts(TYPE, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--"), "!");
}

Test(form, has_heads_that_all_read_in_one_way)
{
    static const struct {
        const char *body;
        const char *parts;
    } rows[] = {
        { HEAD("Content-Disposition: form-data; name=\"a\""), "a=v;" },
        { HEAD("content-disposition:form-data;name=a"), "a=v;" },
        { HEAD("CONTENT-DISPOSITION: FORM-DATA ; NAME=a ; "), "a=v;" },
        { HEAD("Content-Type: x\r\nContent-Disposition: form-data; name=a\r\nX-Y: z"), "a=v;" },
        { HEAD("Content-Disposition: form-data; name=\"a b;c\""), "a b;c=v;" },
        { HEAD("Content-Disposition: form-data; name=\"\""), "=v;" },
        { HEAD("Content-Disposition: form-data; filename=\"x;name=q\"; name=a"), "a=v;" },
        { HEAD("Content-Disposition: form-data; name=a; filename*=utf-8''x"), "a=v;" },
        { HEAD("Content-Disposition: form-data; name=a; filename=\"\""), "a=v;" },
        { HEAD("Content-Disposition: form-data; name=a; filename="), "!" },
        { HEAD("Content-Disposition: form-data; name="), "!" },
        { HEAD("Content-Disposition: form-data; name"), "!" },
        { HEAD("Content-Disposition: form-data; name=\"a"), "!" },
        { HEAD("Content-Disposition: form-data; name=a\"b\""), "!" },
        { HEAD("Content-Disposition: form-data; name=a b"), "!" },
        { HEAD("Content-Disposition: form-data; name=\"a\" x"), "!" },
        { HEAD("Content-Disposition: form-data; name=\"a\\\"b\""), "!" },
        { HEAD("Content-Disposition: form-data; name=\"a\\b\""), "!" },
        { HEAD("Content-Disposition: form-data; name=a; name=b"), "!" },
        { HEAD("Content-Disposition: form-data; name=a; other=b"), "!" },
        { HEAD("Content-Disposition: form-data; filename=b"), "!" },
        { HEAD("Content-Disposition: form-data;"), "!" },
        { HEAD("Content-Disposition: form-data"), "!" },
        { HEAD("Content-Disposition: form-data name=a"), "!" },
        { HEAD("Content-Disposition: attachment; name=a"), "!" },
        { HEAD("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"), "!" },
        { HEAD("Content-Disposition: form-data; name=a\r\n x: y"), "!" },
        { HEAD("Content-Disposition: form-data; name=a\r\n\tx: y"), "!" },
        { HEAD("\nContent-Disposition: form-data; name=a"), "!" },
        { HEAD("\nX: y\r\nContent-Disposition: form-data; name=a"), "!" },
        { HEAD("X: y\nContent-Disposition: form-data; name=a"), "!" },
        { HEAD("Content-Disposition: form-data; name=a\n"), "!" },
        { HEAD("Content-Type: text/plain"), "!" },
        { "--XX\r\nContent-Disposition: form-data; name=a\r\n", "!" },
        { "--XX\r\nContent-Disposition: form-data; name=a", "!" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(parts(TYPE, rows[i].body), rows[i].parts, "%s", rows[i].body);
}

Test(form, has_lines_of_at_most_4096_bytes)
{
    static char line[4200], body[5000];

    for (int len = 4095; len <= 4097; len++) {
        memset(line, 'x', sizeof line);
        memcpy(line, "x: ", 3);
        line[len] = '\0';
        snprintf(body, sizeof body, "--XX\r\n%s\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--", line);
        cr_assert_str_eq(parts(TYPE, body), len <= 4096 ? "a=1;" : "!", "%d", len);
    }
}
