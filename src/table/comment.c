// Comments: a key is class (4 bytes), oid (4), column (2), big-endian; a row is the text.
#include "table/comment.h"

#include "table/internal.h"

enum { KEY_SIZE = 10 };

struct comment_key {
  uint8_t bytes[KEY_SIZE];
};

static struct comment_key comment_key(const struct comment *comment)
{
  struct comment_key key;
  put_be32(key.bytes, (uint32_t)comment->class);
  put_be32(key.bytes + 4, comment->oid);
  put_be16(key.bytes + 8, (uint16_t)comment->column);
  return key;
}

int comment_put(struct writer *writer, const struct comment *about, const char *text)
{
  struct comment_key key = comment_key(about);
  struct bytes at = bytes_of(key.bytes, KEY_SIZE);
  int status = text && text[0] ? write_put(writer, TREE_COMMENTS, 0, PUT_ANY, at, bytes_of_string(text), NULL)
                               : write_delete(writer, TREE_COMMENTS, 0, at);
  return status < 0 ? status : STATUS_OK;
}

bool comment_next(const struct version *version, struct comment *comment)
{
  struct comment_key key = comment_key(comment);
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_COMMENTS, NULL);
  bool found = cursor_seek(&cursor, bytes_of(key.bytes, KEY_SIZE));
  if (found && cursor.key.size == KEY_SIZE && memcmp(cursor.key.data, key.bytes, KEY_SIZE) == 0)
    found = cursor_next(&cursor);
  found = found && cursor.key.size == KEY_SIZE;
  if (found)
    *comment = (struct comment){.class = get_be32(cursor.key.data),
                                .oid = get_be32(cursor.key.data + 4),
                                .column = (int)(cursor.key.data[8] << 8 | cursor.key.data[9]),
                                .text = cursor.row};
  cursor_deinit(&cursor);
  return found;
}

bool comment_find(const struct version *version, struct comment *comment)
{
  if (comment->class) {
    struct comment_key key = comment_key(comment);
    return tree_get(version, TREE_COMMENTS, bytes_of(key.bytes, KEY_SIZE), &comment->text, NULL);
  }
  for (struct comment at = {0}; comment_next(version, &at);)
    if (at.oid == comment->oid && at.column == comment->column) {
      *comment = at;
      return true;
    }
  return false;
}

int comments_forget(struct writer *writer, enum comment_class class, uint32_t oid)
{
  struct comment at = {.class = class, .oid = oid - 1, .column = UINT16_MAX}; // the last place before the object's
  int status = STATUS_OK;
  while (!status && comment_next(writer->version, &at) && at.class == class && at.oid == oid)
    status = comment_put(writer, &at, NULL);
  return status;
}
