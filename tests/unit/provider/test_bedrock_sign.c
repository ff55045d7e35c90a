/* test_bedrock_sign.c - the signature of the bedrock provider, against the published test suite of AWS. */
#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../plugins/bedrock/bedrock.h"
#include "../../../plugins/bedrock/sign.c"
#include "base/json.h"
#include "plugin/call.h"

static struct arena keep, scratch;
static struct gw_call call;

static struct text read_file(const char *folder, const char *name)
{
    const char *path = arena_printf(&keep, "%s/%s", folder, name);
    char *bytes = arena_alloc(&keep, 1 << 16);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return TEXT_NONE;
    size_t len = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return (struct text){ bytes, len };
}

/* One line off the front. */
static struct text line_of(struct text *rest)
{
    ptrdiff_t end = text_find(*rest, TEXT("\n"));
    struct text line = { rest->ptr, end < 0 ? rest->len : (size_t)end };
    size_t used = line.len + (end >= 0);
    *rest = (struct text){ rest->ptr + used, rest->len - used };
    return line;
}

/* The case's canonical request has the headers, their names and the query as they are signed; the path is ours where the suite
 * does not ask to change it. True when it was compared. */
static bool check_case(const char *folder)
{
    struct text canonical = read_file(folder, "header-canonical-request.txt"),
                request = read_file(folder, "request.txt");
    struct text expected = read_file(folder, "header-signature.txt");
    const struct json *context = json_parse(&keep, read_file(folder, "context.json"), NULL);
    const struct json *keys = json_member(context, "credentials");
    struct text first = line_of(&request), rest = canonical, method = line_of(&rest), path = line_of(&rest),
                query = line_of(&rest);
    size_t space = first.len;
    while (space > 0 && first.ptr[space - 1] != ' ')
        space--;
    struct text sent = { first.ptr + method.len + 1, space > method.len + 1 ? space - method.len - 2 : 0 };
    ptrdiff_t mark = text_find(sent, TEXT("?")), blank = text_find(request, TEXT("\n\n")),
              names_at = text_find(rest, TEXT("\n\n"));
    if (context == NULL || expected.len == 0 || names_at < 0 || json_bool(json_member(context, "sign_body"), false))
        return false;
    if (mark >= 0)
        sent.len = (size_t)mark;
    gw_str own = sign_escape(call_host(), &call, call_str(sent), 1);
    if (!text_eq(call_text(own), path))
        return false; /* a path that is to be made shorter, which Bedrock's are not */
    struct text headers = { rest.ptr, (size_t)names_at + 1 },
                tail = { rest.ptr + names_at + 2, rest.len - (size_t)names_at - 2 };
    struct text names = line_of(&tail), stamp = json_str(json_member(context, "timestamp"));
    char date[17];
    snprintf(date, sizeof date, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", stamp.ptr, stamp.ptr + 5, stamp.ptr + 8, stamp.ptr + 11,
             stamp.ptr + 14, stamp.ptr + 17);
    const struct bedrock_signing s = {
        .method = call_str(method),
        .path = call_str(sent),
        .query = call_str(query),
        .headers = call_str(headers),
        .names = call_str(names),
        .body = blank < 0 ? GW_LIT("") : (gw_str){ request.ptr + blank + 2, request.len - (size_t)blank - 2 },
        .date = gw_of(date),
        .region = call_str(json_str(json_member(context, "region"))),
        .service = call_str(json_str(json_member(context, "service"))),
        .key_id = call_str(json_str(json_member(keys, "access_key_id"))),
        .secret = call_str(json_str(json_member(keys, "secret_access_key"))),
    };
    struct text got = call_text(sign_authorization(call_host(), &call, &s));
    cr_assert(text_ends(got, text_trim(expected)), "%s: %.*s, not %.*s", folder, TEXT_ARG(got), TEXT_ARG(expected));
    return true;
}

Test(bedrock_sign, the_published_cases_are_signed_alike)
{
    const char *shared = getenv("GW_SHARED");
    char root[1024];
    unsigned count = 0;

    snprintf(root, sizeof root, "%s/vectors/aws-sigv4/aws-c-auth-v4", shared != NULL ? shared : "../shared");
    DIR *dir = opendir(root);
    for (const struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.' || text_starts(text_of(entry->d_name), TEXT("LICENSE")) ||
            text_starts(text_of(entry->d_name), TEXT("NOTICE")))
            continue;
        arena_init(&keep, NULL, 0, 16 << 20);
        arena_init(&scratch, NULL, 0, 1 << 20);
        call_begin(&call, &keep, &scratch, NULL);
        count += check_case(arena_printf(&keep, "%s/%s", root, entry->d_name));
        arena_fini(&scratch);
        arena_fini(&keep);
    }
    if (dir != NULL) {
        closedir(dir);
        cr_assert_geq(count, 20, "%u cases", count);
    }
}
