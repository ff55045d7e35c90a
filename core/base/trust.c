/* trust.c - one X509_STORE of OpenSSL for each file, shared by all connections that trust it. */
#include "base/trust.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"

/* What was read of a file. Kept until the process ends; replaced when the file changes. */
struct trusted {
    struct trusted *next;
    X509_STORE *store;
    struct stat seen; /* the file, when it was read */
    char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trusted *all;

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* OpenSSL reads the extensions of an authority when a connection first asks for them, and all connections share it: they
 * are read here, before it is shared. */
static void read_extensions(X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

        if (authority != NULL)
            (void)X509_check_purpose(authority, -1, 0);
    }
}

static X509_STORE *read_file(const char *path)
{
    X509_STORE *store = X509_STORE_new();

    BUG_IF(store == NULL);
    if (X509_STORE_load_file(store, path) != 1) {
        X509_STORE_free(store);
        return NULL;
    }
    /* As libcurl sets them: an intermediate authority in the file is trusted by itself. */
    X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    read_extensions(store);
    return store;
}

static struct trusted *find(const char *path)
{
    struct trusted *t = all;

    while (t != NULL && strcmp(t->path, path) != 0)
        t = t->next;
    if (t != NULL)
        return t;
    t = calloc(1, sizeof *t + strlen(path) + 1);
    BUG_IF(t == NULL);
    memcpy(t->path, path, strlen(path) + 1);
    t->next = all;
    all = t;
    return t;
}

/* With the lock held. */
static int use(SSL_CTX *ctx, struct trusted *t)
{
    struct stat now;

    if (stat(t->path, &now) < 0)
        return -1;
    if (t->store == NULL || !is_same(&now, &t->seen)) {
        X509_STORE *store = read_file(t->path);

        if (store == NULL)
            return -1;
        X509_STORE_free(t->store); /* connections that use it hold it */
        t->store = store;
        t->seen = now;
    }
    SSL_CTX_set1_cert_store(ctx, t->store);
    return 0;
}

int trust_file(void *ssl_ctx, const char *path)
{
    int result;

    pthread_mutex_lock(&lock);
    result = use(ssl_ctx, find(path));
    pthread_mutex_unlock(&lock);
    return result;
}

bool trust_saw_close(void *ssl)
{
    return (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}
