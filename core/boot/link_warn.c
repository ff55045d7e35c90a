/* link_warn.c - what is allowed and most likely a slip: each warning ends with what to do. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/link.h"

void link_warn(struct link *l, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(&l->scratch, format, args);
    va_end(args);
    complain(&l->report->warnings, line, "warning: %s", text);
}

/* The path of a URL that begins with http:// or https://: "" or "/v1", without the slash at its end. */
static struct text path_of(struct text url)
{
    struct text rest = url;
    text_cut(&rest, '/');
    text_cut(&rest, '/');
    text_cut(&rest, '/');
    return rest.ptr == NULL ? TEXT("") : (struct text){ rest.ptr - 1, rest.len + 1 };
}

void link_warn_url(struct link *l, int line, const char *where, struct text url, const char *usual)
{
    static const char *const operations[] = { "/chat/completions", "/completions", "/responses", "/messages",
                                              "/embeddings",       "/models",      NULL };
    struct text path = path_of(url), usual_path = usual != NULL ? path_of(text_of(usual)) : TEXT_NONE;

    for (size_t i = 0; operations[i] != NULL; i++)
        if (text_ends(path, text_of(operations[i]))) {
            struct text kept = { url.ptr, url.len - strlen(operations[i]) };
            if (usual_path.len == 0 && usual != NULL && text_ends(kept, TEXT("/v1")))
                kept.len -= 3; /* such a base ends before /v1 */
            link_warn(l, line, "%s: base_url ends in %s, which the gateway adds itself: write \"%.*s\"", where,
                      operations[i], TEXT_ARG(kept));
            return;
        }
    if (usual == NULL)
        return;
    if (usual_path.len > 0 && path.len == 0)
        link_warn(l, line, "%s: base_url has no path, and services of this kind have %.*s: write \"%.*s%.*s\"", where,
                  TEXT_ARG(usual_path), TEXT_ARG(url), TEXT_ARG(usual_path));
    if (usual_path.len == 0 && text_is(path, "/v1"))
        link_warn(l, line, "%s: base_url ends in /v1, which the gateway adds itself: write \"%.*s\"", where,
                  (int)(url.len - 3), url.ptr);
}

/* NULL: nothing. The secret itself is not repeated. */
static const char *slip_in(struct text value)
{
    char first = value.len > 0 ? value.ptr[0] : '\0', last = value.len > 0 ? value.ptr[value.len - 1] : '\0';
    if (value.len > 1 && first == last && (first == '"' || first == '\''))
        return "holds quotes around the key: write it without them";
    if (first == ' ' || last == ' ')
        return "has a blank before or after the key: remove it";
    if (text_starts_nocase(value, TEXT("bearer ")))
        return "begins with \"Bearer\": write the key alone";
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] >= 0x80)
            return "holds characters that no key has (a byte order mark?): write the key alone, in ASCII";
    return NULL;
}

void link_warn_secret(struct link *l, int line, const char *where, const struct declare_secret *secret,
                      struct text value)
{
    struct stat st;
    const char *slip = slip_in(value);
    const char *path = secret->name;

    if (slip != NULL)
        link_warn(l, line, "%s: %s \"%s\" %s", where, secret->is_file ? "file" : "env", secret->name, slip);
    if (!secret->is_file)
        return;
    if (path[0] != '/')
        path = arena_printf(&l->scratch, "%s/%s", l->folder, path);
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
        link_warn(l, line, "%s: file \"%s\" can be %s by every user of this machine: chmod o-rwx it", where,
                  secret->name, st.st_mode & S_IWOTH ? "written" : "read");
}

void link_warn_file(struct link *l)
{
    struct stat st;
    if (l->options->file == NULL)
        return;
    if (stat(l->options->file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH) != 0)
        link_warn(l, 0,
                  "every user of this machine can write it, and with it choose where prompts and keys go: "
                  "chmod o-w it");
    if (l->config->provider_count == 0)
        link_warn(l, 0, "it declares no provider, so nothing can be asked for: write provider \"demo\" {}");
}
