/* test_field.c - header names and values, byte by byte. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/field.h"

Test(field, finds_a_bad_byte_wherever_it_is)
{
    for (size_t len = 1; len <= 20; len++) {
        for (int byte = 0; byte < 256; byte++) {
            for (size_t at = 0; at < len; at++) {
                char *value = malloc(len);
                bool good = (byte >= 0x20 && byte != 0x7f) || byte == '\t';

                memset(value, at % 2 == 0 ? 'a' : '\xff', len);
                value[at] = (char)byte;
                cr_assert_eq(field_is_value((struct text){ value, len }), good, "%d at %zu of %zu", byte, at, len);
                free(value);
            }
        }
    }
    cr_assert(field_is_value(TEXT("")));
}

Test(field, knows_tokens)
{
    cr_assert(field_is_name(TEXT("X-Request_ID.1")));
    cr_assert(field_is_name(TEXT("!#$%&'*+-.^_`|~")));
    cr_assert_not(field_is_name(TEXT("")));
    for (const char *bad = "()<>@,;:\\\"/[]?={} \t\r\n\x7f\x80\xff"; *bad != '\0'; bad++)
        cr_assert_not(field_is_name((struct text){ bad, 1 }), "%d", *bad);
    cr_assert_not(field_is_name(TEXT("a\0b")));
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte, name[3] = { 'a', c, 'b' };
        bool good = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                    (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);

        cr_assert_eq(field_is_name_byte(c), good, "%d", byte);
        cr_assert_eq(field_is_name((struct text){ &c, 1 }), good, "%d", byte);
        cr_assert_eq(field_is_name((struct text){ name, 3 }), good, "%d", byte);
    }
}

Test(field, knows_headers_that_hold_a_credential)
{
    static const char *const yes[] = { "authorization",  "Proxy-Authorization", "Cookie", "api-key", "X-Api-Key",
                                       "x-goog-api-key", "X-Amz-Security-Token" };
    static const char *const no[] = { "x-authorization", "authorizations", "cookies", "x-request-id", "" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        cr_assert(field_is_credential(text_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        cr_assert_not(field_is_credential(text_of(no[i])), "%s", no[i]);
}

Test(field, framing_is_the_gateways)
{
    static const char *const yes[] = { "Connection", "content-length",   "EXPECT",  "host",    "keep-alive",
                                       "te",         "proxy-connection", "Upgrade", "trailer", "transfer-encoding" };
    static const char *const no[] = { "connections", "content-type", "x-host", "" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        cr_assert(field_is_framing(text_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        cr_assert_not(field_is_framing(text_of(no[i])), "%s", no[i]);
}
