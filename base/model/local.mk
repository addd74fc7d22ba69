noinst_LIBRARIES += libwaybill_model.a
libwaybill_model_a_SOURCES =

WAYBILL_LIBS_MODEL = libwaybill_model.a $(WAYBILL_LIBS_IO)

EXTRA_DIST += %D%/README.md
