// Statements with typed values (quern.h) on a session: between executions and the session's messages.
#pragma once

#include "partition/partition.h"
#include "quern.h"

struct conversation;

// What engine.c does for it.
int session_submit(struct quern_session *session, const uint8_t *messages, size_t size);
struct conversation *session_conversation(const struct quern_session *session); // NULL: it is over, or takes messages
void copy_error(const struct error *from, struct quern_error *to); // to may be NULL

// The direct way. False: nothing was done.
bool session_call(struct quern_session *session, struct partition_call *call);

struct conversation *conversation_open(struct quern_session *session); // NULL: out of memory
// With its statements. Nobody is told of executions that are under way.
void conversation_close(struct conversation *conversation);
void conversation_reply(void *conversation, const uint8_t *messages, size_t size); // a quern_reply
