// Every bound of Quern in one place. Beyond each stands a clear error, never a crash.
#pragma once

#define LIMIT_IDENTIFIER 63                       // bytes of a name
#define LIMIT_COLUMNS 1600                        // columns of a table, targets of a query
#define LIMIT_KEY (2 * 1024)                      // bytes of an encoded key
#define LIMIT_ROW (16 * 1024 * 1024)              // bytes of an encoded row
#define LIMIT_MESSAGE (64 * 1024 * 1024)          // bytes of a protocol message or a statement
#define LIMIT_NESTING 200                         // nesting of parentheses, subqueries, CASE in a statement
#define LIMIT_JSON_NESTING 1000                   // arrays and objects in each other in a JSON value
#define LIMIT_ARRAY_ELEMENTS 134217727            // elements of an array
#define LIMIT_CHAIN 1000                          // operators in one chain (1 + 1 + 1 + …)
#define LIMIT_TOKENS (1024 * 1024)                // tokens of a statement
#define LIMIT_PARAMETERS 65535                    // parameters of a prepared statement
#define LIMIT_RANGES 4096                         // range entries (tables, subqueries, groups) of one statement
#define LIMIT_FOLDED (64 * 1024)                  // bytes to compute an expression over constants while planning
#define LIMIT_CONNECTIONS 1000                    // by default
#define LIMIT_ATOM_ROWS 1024                      // rows asked of a connector at a time: its atom
#define LIMIT_SCAN_ALLOWANCE 10000                // rows that a statement may visit on the loop
#define LIMIT_RESULT_CHUNK (256 * 1024)           // bytes of a result that one job hands over at a time
#define LIMIT_WORKFLOW_DEPTH 16                   // workflows in a row that feed each other through sources
#define LIMIT_SOFT_HOLD_MS 20                     // that a soft claim keeps others waiting
#define LIMIT_SOFT_WAIT_MS 50                     // that a transaction waits for soft claims
#define LIMIT_STREAM_HOLD_MS 10                   // that a stream waits for clients' claims
#define LIMIT_STREAM_HELD (4 * 1024 * 1024)       // bytes of a source that wait then
#define LIMIT_SOURCE_ERRORS 10000                 // newest rows kept in quern.source_errors
#define LIMIT_PLAN_CACHE 4096                     // cached plans of an engine
#define LIMIT_PLAN_CACHE_BYTES (32 * 1024 * 1024) // of them; of one a 64th
#define LIMIT_PREPARED_STATEMENTS 10000           // of one session
#define LIMIT_PORTALS 1000                        // of one session
#define LIMIT_PENDING_INPUT (128 * 1024 * 1024)   // bytes of requests that wait in one session
#define LIMIT_GROUP (1024 * 1024)                 // bytes of messages that wait for their Sync to run as one atom
#define LIMIT_CLAIMS 100000                       // of one transaction; beyond, tables are claimed, or nothing
#define LIMIT_SAVEPOINTS 100000                   // of one transaction
#define LIMIT_SCRIPT (1024 * 1024 * 1024)         // bytes of an open transaction's script
#define LIMIT_NOTIFICATIONS (16 * 1024 * 1024)    // bytes of notifications of one transaction, or that wait in one session
#define LIMIT_NOTIFICATION_QUEUE (128 * 1024 * 1024) // bytes of notifications that wait in all sessions
#define LIMIT_CHANNELS 10000                      // that one session listens on
#define LIMIT_NUMERIC_DIGITS 131072               // digits before the decimal point
#define LIMIT_NUMERIC_SCALE 16383                 // digits after it

#define DEFAULT_OUTBOX_ROWS 100000 // rows that may wait for a sink before the sources that feed it are held
#define DEFAULT_STATEMENT_MEMORY (256ull * 1024 * 1024)
#define DEFAULT_TEMPORARY_BYTES (64ull * 1024 * 1024 * 1024) // of rows that all statements together have in files
#define DEFAULT_SNAPSHOT_MEMORY (1024ull * 1024 * 1024) // what a snapshot or an idle branch may hold back
