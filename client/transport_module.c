/* The executable's default transport and streams: libcurl in a module of its own, loaded at the
 * first call, so that a server which never calls out pays neither its start nor its memory.
 *
 * The module is looked for beside the executable (build tree), then where it is installed,
 * relative to the executable and absolute; never in a place that the environment names. */
#include "base/str.h"
#include "client/stream.h"
#include "client/transport_default.h"

#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

#define MODULE "callgate-curl.so"

/* The module's function of that name. Of those that failed the first one counts: the ones after it
 * are tried in its stead. */
static void *load(const char *path, const char *name, char *why, size_t cap)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE), *symbol = NULL;

    if (!module && why[0] == '\0')
        (void)snprintf(why, cap, "the module " MODULE " could not be loaded: %s", dlerror());
    if (!module)
        return NULL;
    symbol = dlsym(module, name);
    (void)dlclose(module); /* stays: RTLD_NODELETE */
    return symbol;
}

static void *find(const char *name, char *why, size_t cap)
{
    static const char *const places[] = {MODULE, "../" CALLGATE_LIBDIR "/callgate/" MODULE};
    void *found = NULL;
    char exe[PATH_MAX], path[PATH_MAX + 256];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash = NULL;

    why[0] = '\0';
    if (len > 0) {
        exe[len] = '\0';
        slash = strrchr(exe, '/');
    }
    for (size_t i = 0; slash && !found && i < ARRAY_LEN(places); i++) {
        (void)snprintf(path, sizeof path, "%.*s/%s", (int)(slash - exe), exe, places[i]);
        found = access(path, R_OK) ? NULL : load(path, name, why, cap);
    }
    return found ? found : load(CALLGATE_MODULE_DIR "/" MODULE, name, why, cap);
}

const struct cg_transport *transport_default(char *why, size_t cap)
{
    const struct cg_transport *(*table)(void) = NULL;
    void *symbol = find("cg_transport_curl", why, cap);

    memcpy(&table, &symbol, sizeof table); /* ISO C has no cast from object to function */
    return table ? table() : NULL;
}

const struct stream_ops *stream_default(char *why, size_t cap)
{
    const struct stream_ops *(*table)(void) = NULL;
    void *symbol = find("cg_stream_curl", why, cap);

    memcpy(&table, &symbol, sizeof table); /* as above */
    return table ? table() : NULL;
}
