// TLS on a connection's socket, by OpenSSL: non-blocking like the socket itself.
//
// 1. TLS 1.2 and newer, no renegotiation, no tickets.
// 2. Reads stop where a whole record may not fit any more, so that nothing readable stays inside unseen by the poll.
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct tls_context;
struct tls;

// From PEM files: the certificate (with its chain behind it) and its key, which others may not read. F0000 with the reason.
int tls_context_open(const char *certificate, const char *key, struct tls_context **context, struct error *error);
// A self-made certificate: the one that is kept as tls.crt and tls.key in the directory, made at the first time. directory
// NULL: made, and kept nowhere.
int tls_context_make(const char *directory, struct tls_context **context, struct error *error);
void tls_context_close(struct tls_context *context);
// The digest for tls-server-end-point (RFC 5929); empty where the certificate's signature has no digest.
struct bytes tls_context_binding(const struct tls_context *context);

// NULL: out of memory. The descriptor stays the caller's.
struct tls *tls_open(struct tls_context *context, int descriptor);
void tls_close(struct tls *tls);
// 1: done; 0: to be called again when the socket is ready for what it waits for; -1: failed.
int tls_handshake(struct tls *tls);
bool tls_wants_write(const struct tls *tls);
enum { TLS_RECORD = 16384 }; // bytes for which tls_read needs room
// As socket_read and socket_write.
ptrdiff_t tls_read(struct tls *tls, void *data, size_t size);
ptrdiff_t tls_write(struct tls *tls, const void *data, size_t size);
