/* The two halves of the carrier "kannel". */
#ifndef CARRIERS_KANNEL_H
#define CARRIERS_KANNEL_H

#include "carriers/carrier.h"

enum rc kannel_read_callback(const json_t *config, struct carrier_callback *cb) NODISCARD;

#endif
