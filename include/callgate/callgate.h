/* All of libcallgate: a client for Callgate and for Azure Communication Services. C99. */
#ifndef CALLGATE_CALLGATE_H
#define CALLGATE_CALLGATE_H

#include "callgate/base.h"
#include "callgate/chat.h"
#include "callgate/client.h"
#include "callgate/identity.h"
#include "callgate/signer.h"
#include "callgate/sms.h"
#include "callgate/transport.h"

#endif
