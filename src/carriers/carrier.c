/* Which kinds of carriers there are. */
#include "carriers/carrier.h"

static const struct carrier_ops *const kinds[] = {
    &inbox_carrier_ops, &smpp_carrier_ops,  &kannel_carrier_ops,
    &http_carrier_ops,  &azure_carrier_ops, NULL,
};

const struct carrier_ops *carrier_ops_find(struct str kind)
{
    for (size_t i = 0; kinds[i]; i++)
        if (str_eq(kind, str_from(kinds[i]->kind)))
            return kinds[i];
    return NULL;
}
