/* record.c - who runs a command changes something. */
#include "cli/record.h"

#include "base/json.h"
#include "boot/audit.h"
#include "cli/cli.h"

enum { SETTINGS_MOST = 128 << 10 };

bool record_change(const char *folder, const char *action, struct text target, struct text settings)
{
    struct json_writer w;
    struct arena arena;
    struct fail fail;
    struct buf to;
    arena_init(&arena, NULL, 0, 4096);
    buf_init(&to, SETTINGS_MOST);
    json_writer_init(&w, &to);
    json_put_str(&w, settings);
    bool written = json_end(&w) == 0;
    struct audit_entry entry = { .who = audit_user(&arena),
                                 .role = TEXT("shell"),
                                 .address = TEXT("local"),
                                 .action = text_of(action),
                                 .target = target,
                                 .to = settings.ptr != NULL && written ? buf_view(&to) : TEXT_NONE };
    bool good = audit_append(folder, &entry, &fail) == 0;
    if (!good)
        cli_say("%s", fail.text);
    buf_free(&to);
    arena_fini(&arena);
    return good;
}
