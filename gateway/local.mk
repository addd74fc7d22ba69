noinst_LIBRARIES += libwaybill_gateway.a
libwaybill_gateway_a_SOURCES =

# Every layer, in the order of the links: the gateway knows everyone.
WAYBILL_LIBS_GATEWAY = libwaybill_gateway.a $(WAYBILL_LIBS_CONTRACTS) \
	$(LZMA_LIBS)

EXTRA_DIST += %D%/README.md
