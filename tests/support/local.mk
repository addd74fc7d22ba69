# What a unit test adds to its SOURCES when it starts a Postgres of its own; it
# links WAYBILL_TEST_IO or above, and ends with 77 where there is no server.
WAYBILL_TEST_POSTGRES = %D%/postgres.c %D%/postgres.h

# Likewise for librdkafka's mock cluster.
WAYBILL_TEST_KAFKAMOCK = %D%/kafkamock.c %D%/kafkamock.h

# And for a migrated database with a small catalogue; links WAYBILL_TEST_MODEL.
WAYBILL_TEST_ROADBASE = $(WAYBILL_TEST_POSTGRES) %D%/roadbase.c %D%/roadbase.h

# And a lane's recorder on top of it.
WAYBILL_TEST_RECORDER = $(WAYBILL_TEST_ROADBASE) %D%/recorder.c %D%/recorder.h

# HTTP as bytes on a socket.
WAYBILL_TEST_RAWHTTP = %D%/rawhttp.c %D%/rawhttp.h

# What avro-c writes, for tests that read it; they link AVRO_LIBS.
EXTRA_DIST += %D%/containerfile.h
