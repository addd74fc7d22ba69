noinst_LIBRARIES += libwaybill_contracts.a
libwaybill_contracts_a_SOURCES =

WAYBILL_LIBS_CONTRACTS = libwaybill_contracts.a $(WAYBILL_LIBS_MODEL) \
	$(AVRO_LIBS)

EXTRA_DIST += %D%/README.md
