// The server's side of a SCRAM-SHA-256 login (RFC 5802, RFC 7677), with channel binding by tls-server-end-point
// (RFC 5929).
//
//   (begun) --client-first--> CHALLENGED --client-final, right--> DONE
//      |                          |  wrong proof
//      +--malformed--> FAILED <---+
//
// 1. Nothing tells a name that is no role's from a wrong password: who has no verifier gets a salt that is always the same
//    for his name, and fails at the proof.
// 2. A verifier is PBKDF2's result: a login costs the server a few digests.
#pragma once

#include "base/buffer.h"
#include "base/error.h"

enum { SCRAM_DIGEST = 32, SCRAM_SALT_LIMIT = 384, SCRAM_NONCE = 24, SCRAM_MESSAGE_LIMIT = 1024 };

enum scram_state { SCRAM_BEGUN, SCRAM_CHALLENGED, SCRAM_DONE, SCRAM_FAILED };

struct scram {
  enum scram_state state;
  bool is_doomed;          // whatever the proof
  bool has_binding;        // the server can bind: the connection has TLS
  bool is_bound;           // the client chose SCRAM-SHA-256-PLUS
  uint32_t iterations;
  char salt[SCRAM_SALT_LIMIT]; // base 64
  uint8_t stored_key[SCRAM_DIGEST], server_key[SCRAM_DIGEST];
  char binding_flag;       // of the client: 'n', 'y' or 'p'
  uint8_t binding[64];     // digest of the server's certificate
  size_t binding_size;
  char nonce[SCRAM_MESSAGE_LIMIT + SCRAM_NONCE * 2]; // the client's and ours
  struct buffer messages;  // client-first-bare, server-first
};

struct scram_options {
  const char *user;
  const char *verifier;    // "" or NULL: the login is to fail
  const uint8_t *secret;   // 32 bytes: salts for those who have none come from it
  const uint8_t *nonce;    // 18 random bytes
  struct bytes binding;    // size 0: no channel binding
};
void scram_open(struct scram *scram, const struct scram_options *options);
void scram_close(struct scram *scram);
// The client's first message. mechanism: as it was chosen. Appends what the server answers. 08P01, 28000.
int scram_first(struct scram *scram, const char *mechanism, struct bytes message, struct buffer *answer,
                struct error *error);
// The client's last one. 0: look at scram->state, DONE (answer has the server's signature) or FAILED (a wrong password).
int scram_final(struct scram *scram, struct bytes message, struct buffer *answer, struct error *error);
