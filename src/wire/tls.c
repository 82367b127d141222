// TLS by OpenSSL 3, over os/socket.
#include "wire/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/sqlstate.h"
#include "os/disk.h"
#include "os/random.h"
#include "os/socket.h"

#define SQLSTATE_CONFIG_FILE_ERROR "F0000"

enum { SELF_MADE_DAYS = 3650, BINDING = 64 };
static const char certificate_name[] = "tls.crt", key_name[] = "tls.key";

struct tls_context {
  SSL_CTX *ssl;
  BIO_METHOD *socket; // reads and writes through os/socket
  uint8_t binding[BINDING];
  unsigned binding_size;
};

struct tls {
  SSL *ssl;
  int descriptor;
  bool wants_write;
};

static int failed(struct error *error, const char *what, const char *detail)
{
  char reason[200] = "unknown";
  unsigned long code = ERR_get_error();
  if (code)
    ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return error_set(error, SQLSTATE_CONFIG_FILE_ERROR, "could not %s%s%s%s: %s", what, detail ? " \"" : "",
                   detail ? detail : "", detail ? "\"" : "", reason);
}

// --- The socket as a BIO ---------------------------------------------------------------------------

static int socket_of(BIO *bio)
{
  return *(const int *)BIO_get_data(bio);
}

static int bio_result(BIO *bio, ptrdiff_t moved, int retry)
{
  BIO_clear_retry_flags(bio);
  if (moved == SOCKET_AGAIN)
    BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
  return moved > 0 ? (int)moved : moved == SOCKET_END ? 0 : -1;
}

static int bio_read(BIO *bio, char *data, int size)
{
  return bio_result(bio, socket_read(socket_of(bio), data, (size_t)size), BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *data, int size)
{
  return bio_result(bio, socket_write(socket_of(bio), data, (size_t)size), BIO_FLAGS_WRITE);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
  return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
  BIO_set_init(bio, 1);
  return 1;
}

// --- The context -------------------------------------------------------------------------------------

void tls_context_close(struct tls_context *context)
{
  if (!context)
    return;
  SSL_CTX_free(context->ssl);
  BIO_meth_free(context->socket);
  free(context);
}

static struct tls_context *new_context(void)
{
  struct tls_context *context = calloc(1, sizeof *context);
  if (!context)
    return NULL;
  context->ssl = SSL_CTX_new(TLS_server_method());
  context->socket = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
  if (!context->ssl || !context->socket) {
    tls_context_close(context);
    return NULL;
  }
  BIO_meth_set_read(context->socket, bio_read);
  BIO_meth_set_write(context->socket, bio_write);
  BIO_meth_set_ctrl(context->socket, bio_control);
  BIO_meth_set_create(context->socket, bio_create);
  SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                      SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(context->ssl, 0);
  SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// The digest of the certificate by its signature's own digest, but never by MD5 or SHA-1.
static void set_binding(struct tls_context *context)
{
  X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
  int digest_nid = NID_undef;
  if (!certificate || !OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest_nid, NULL))
    return;
  const EVP_MD *digest = digest_nid == NID_md5 || digest_nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest_nid);
  if (!digest || X509_digest(certificate, digest, context->binding, &context->binding_size) != 1)
    context->binding_size = 0;
}

static int check_key_file(const char *path, struct error *error)
{
  struct stat status;
  if (stat(path, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0 &&
      !(status.st_uid == 0 && (status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0)) {
    int result = error_set(error, SQLSTATE_CONFIG_FILE_ERROR, "private key file \"%s\" has group or world access", path);
    error_detail(error, "File must have permissions u=rw (0600) or less if owned by the server's user, or permissions "
                        "u=rw,g=r (0640) or less if owned by root.");
    return result;
  }
  return 0;
}

int tls_context_open(const char *certificate, const char *key, struct tls_context **result, struct error *error)
{
  struct tls_context *context = new_context();
  int status = context ? check_key_file(key, error) : error_memory(error);
  if (!status && SSL_CTX_use_certificate_chain_file(context->ssl, certificate) != 1)
    status = failed(error, "load the certificate", certificate);
  if (!status && SSL_CTX_use_PrivateKey_file(context->ssl, key, SSL_FILETYPE_PEM) != 1)
    status = failed(error, "load the private key", key);
  if (!status && SSL_CTX_check_private_key(context->ssl) != 1)
    status = failed(error, "use the certificate with its private key", key);
  if (status) {
    tls_context_close(context);
    return status;
  }
  set_binding(context);
  *result = context;
  return 0;
}

struct bytes tls_context_binding(const struct tls_context *context)
{
  return bytes_of(context->binding, context->binding_size);
}

// --- A certificate of our own -----------------------------------------------------------------------

static bool add_extension(X509 *certificate, int nid, const char *value)
{
  X509V3_CTX scope;
  X509V3_set_ctx_nodb(&scope);
  X509V3_set_ctx(&scope, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &scope, nid, value);
  bool is_good = extension && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return is_good;
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, uint64_t serial)
{
  char host[65] = "localhost", names[200];
  if (gethostname(host, sizeof host - 1) || !host[0] || strpbrk(host, ",:\" "))
    memcpy(host, "localhost", 10);
  snprintf(names, sizeof names, "DNS:localhost,DNS:%s,IP:127.0.0.1,IP:::1", host);
  X509_NAME *name = X509_get_subject_name(certificate);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -24 * 60 * 60) &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), SELF_MADE_DAYS * 24L * 60 * 60) &&
         X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && add_extension(certificate, NID_subject_alt_name, names) &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

struct self_made {
  EVP_PKEY *key;
  X509 *certificate;
};

static void free_self_made(struct self_made *made)
{
  EVP_PKEY_free(made->key);
  X509_free(made->certificate);
}

static int make_certificate(struct self_made *made, struct error *error)
{
  uint64_t serial;
  *made = (struct self_made){0};
  int status = random_fill(&serial, sizeof serial, error);
  if (status)
    return status;
  made->key = EVP_EC_gen("P-256");
  made->certificate = X509_new();
  if (made->key && made->certificate && fill_certificate(made->certificate, made->key, serial))
    return 0;
  free_self_made(made);
  return failed(error, "make a certificate", NULL);
}

// Readable by nobody else (as all that a disk makes), and whole or not there at all.
static int save(const struct disk *disk, const char *name, BIO *text, struct error *error)
{
  char *data;
  long size = BIO_get_mem_data(text, &data);
  struct disk_file *file;
  int status = disk_open(disk, "tls.new", DISK_CREATE, &file, error);
  if (status)
    return status;
  status = disk_write(file, 0, data, (size_t)size, error);
  if (!status)
    status = disk_sync(file, error);
  disk_close(file);
  if (!status)
    status = disk_rename(disk, "tls.new", name, error);
  return status ? status : disk_sync_directory(disk, error);
}

static int save_self_made(const struct disk *disk, const struct self_made *made, struct error *error)
{
  BIO *key = BIO_new(BIO_s_secmem()), *certificate = BIO_new(BIO_s_mem());
  int status = 0;
  if (!key || !certificate || PEM_write_bio_PrivateKey(key, made->key, NULL, NULL, 0, NULL, NULL) != 1 ||
      PEM_write_bio_X509(certificate, made->certificate) != 1)
    status = failed(error, "write a certificate", NULL);
  if (!status)
    status = save(disk, key_name, key, error);
  if (!status)
    status = save(disk, certificate_name, certificate, error);
  BIO_free(key);
  BIO_free(certificate);
  return status;
}

static int make_unkept(struct tls_context **result, struct error *error)
{
  struct self_made made;
  int status = make_certificate(&made, error);
  if (status)
    return status;
  struct tls_context *context = new_context();
  if (!context || SSL_CTX_use_certificate(context->ssl, made.certificate) != 1 ||
      SSL_CTX_use_PrivateKey(context->ssl, made.key) != 1) {
    tls_context_close(context);
    status = failed(error, "use a certificate", NULL);
  } else {
    set_binding(context);
    *result = context;
  }
  free_self_made(&made);
  return status;
}

int tls_context_make(const char *directory, struct tls_context **context, struct error *error)
{
  if (!directory)
    return make_unkept(context, error);
  char certificate[4096], key[4096];
  snprintf(certificate, sizeof certificate, "%s/%s", directory, certificate_name);
  snprintf(key, sizeof key, "%s/%s", directory, key_name);
  if (access(certificate, F_OK) || access(key, F_OK)) {
    struct disk disk;
    struct self_made made;
    int status = disk_open_existing(directory, &disk, error);
    if (status)
      return status;
    status = make_certificate(&made, error);
    if (!status) {
      status = save_self_made(&disk, &made, error);
      free_self_made(&made);
    }
    disk_close_directory(&disk);
    if (status)
      return status;
  }
  return tls_context_open(certificate, key, context, error);
}

// --- A connection --------------------------------------------------------------------------------------

struct tls *tls_open(struct tls_context *context, int descriptor)
{
  struct tls *tls = calloc(1, sizeof *tls);
  if (!tls)
    return NULL;
  tls->descriptor = descriptor;
  tls->ssl = SSL_new(context->ssl);
  BIO *bio = tls->ssl ? BIO_new(context->socket) : NULL;
  if (!bio) {
    tls_close(tls);
    ERR_clear_error();
    return NULL;
  }
  BIO_set_data(bio, &tls->descriptor);
  SSL_set_bio(tls->ssl, bio, bio);
  SSL_set_accept_state(tls->ssl);
  return tls;
}

void tls_close(struct tls *tls)
{
  if (!tls)
    return;
  if (tls->ssl && SSL_is_init_finished(tls->ssl))
    (void)!SSL_shutdown(tls->ssl); // says that it ends, if the socket takes it
  SSL_free(tls->ssl);
  ERR_clear_error();
  free(tls);
}

bool tls_wants_write(const struct tls *tls)
{
  return tls->wants_write;
}

// What the socket is to be ready for; SOCKET_BROKEN: nothing will help.
static ptrdiff_t wait_for(struct tls *tls, int result)
{
  int reason = SSL_get_error(tls->ssl, result);
  tls->wants_write = reason == SSL_ERROR_WANT_WRITE;
  ERR_clear_error();
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
    return SOCKET_AGAIN;
  return reason == SSL_ERROR_ZERO_RETURN ? SOCKET_END : SOCKET_BROKEN;
}

int tls_handshake(struct tls *tls)
{
  ERR_clear_error();
  int result = SSL_do_handshake(tls->ssl);
  if (result == 1) {
    tls->wants_write = false;
    return 1;
  }
  return wait_for(tls, result) == SOCKET_AGAIN ? 0 : -1;
}

ptrdiff_t tls_read(struct tls *tls, void *data, size_t size)
{
  size_t done = 0, got;
  while (size - done >= TLS_RECORD) {
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, (uint8_t *)data + done, size - done, &got);
    if (result != 1) {
      ptrdiff_t why = wait_for(tls, result);
      return done ? (ptrdiff_t)done : why; // what ended it is met again by the next read
    }
    done += got;
  }
  return (ptrdiff_t)done;
}

ptrdiff_t tls_write(struct tls *tls, const void *data, size_t size)
{
  size_t written;
  ERR_clear_error();
  int result = SSL_write_ex(tls->ssl, data, size, &written);
  return result == 1 ? (ptrdiff_t)written : wait_for(tls, result);
}
