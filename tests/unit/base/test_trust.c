/* test_trust.c - one store for each file of authorities, read again when the file has changed. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/trust.h"
#include "check.h"

static char folder[] = "/tmp/gw-trust-XXXXXX";

static void make(const char *file, const char *name)
{
    char line[512];

    snprintf(line, sizeof line,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=%s"
             " -days 9 2>/dev/null >>%s/%s",
             name, folder, file);
    cr_assert_eq(system(line), 0, "%s", line);
}

/* The store that a context gets, which keeps it alive; NULL when the file is refused. */
static X509_STORE *store_of(const char *path)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    X509_STORE *store = NULL;

    if (trust_file(ctx, path) == 0) {
        store = SSL_CTX_get_cert_store(ctx);
        X509_STORE_up_ref(store);
    }
    SSL_CTX_free(ctx);
    return store;
}

static int size_of(X509_STORE *store)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

Test(trust, reads_a_file_once_and_again_when_it_has_changed)
{
    char one[64], two[64];
    X509_STORE *first, *same, *other, *changed;

    if (system("command -v openssl >/dev/null 2>&1") != 0)
        check_skip("openssl is not there");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(one, sizeof one, "%s/one", folder);
    snprintf(two, sizeof two, "%s/two", folder);
    cr_assert_null(store_of(one), "it is not there");
    fclose(fopen(one, "w"));
    cr_assert_null(store_of(one), "it is empty");

    make("one", "a");
    make("two", "b");
    first = store_of(one);
    same = store_of(one);
    other = store_of(two);
    cr_assert_eq(size_of(first), 1);
    cr_assert_eq(first, same);
    cr_assert_neq(first, other);

    make("one", "c");
    changed = store_of(one);
    cr_assert_eq(size_of(changed), 2);
    cr_assert_eq(size_of(first), 1, "who uses the old one keeps it");
    X509_STORE_free(first);
    X509_STORE_free(same);
    X509_STORE_free(other);
    X509_STORE_free(changed);
    unlink(one);
    cr_assert_null(store_of(one), "it is gone");
    unlink(two);
    rmdir(folder);
}
