/* The chat service, joined to the rest. */
#include "app/app.h"

#include "services/chat/chat.h"

void app_chat_open(struct app *app)
{
    const struct settings *s = app->settings;
    const struct chat_options options = {
        .store = app->store,
        .events = app->events,
        .bus = app->bus,
        .log = app->log,
        .clock = &app->clock,
        .removed_reads = setting_number(s, "chat.removed_reads") != 0,
        .hide_foreign = setting_number(s, "chat.hide_foreign") != 0,
        .mark_active = setting_number(s, "chat.mark_active") != 0,
        .limits = app->site_options.limits_azure,
        .limits_factor = app->site_options.limits_factor,
        .page_default = (uint32_t)setting_number(s, "chat.page_size"),
        .log_keep_ms = setting_number(s, "chat.log_keep"),
    };

    app->chat = chat_new(&options);
}

void app_chat_start(struct app *app)
{
    chat_start(app->chat, &app->lanes[0].site);
}

void app_chat_on_commit(struct app *app, const struct log_entry *entries, size_t n)
{
    if (app->chat)
        chat_on_commit(app->chat, entries, n);
}

void app_chat_stop(struct app *app)
{
    if (app->chat)
        chat_stop(app->chat);
}

void app_chat_close(struct app *app)
{
    chat_free(app->chat);
}
