"""Normalization rules as sentencepiece (0.2.3, PyPI) compiles them into its models."""

import io

import sentencepiece

assert sentencepiece.__version__ == "0.2.3", sentencepiece.__version__


def compiled(texts, **settings):
    """The compiled map, out of a model that is trained on the texts with these settings."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, character_coverage=0.98, minloglevel=2, **settings
    )
    # model.normalizer_spec.precompiled_charsmap (sentencepiece_model.proto)
    return field(field(model.getvalue(), 3), 2)


def field(message, wanted):
    """The bytes of a field of a protocol buffer."""
    position = 0

    def varint():
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(message):
        key = varint()
        if key & 7 == 2:
            length = varint()
            if key >> 3 == wanted:
                return message[position : position + length]
            position += length
        elif key & 7 == 0:
            varint()
        else:
            position += 4 if key & 7 == 5 else 8
