package fpd.pose

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The pixels of a camera's frames, all read into one array. */
class PixelBuffer {
    private var pixels = IntArray(0)

    /**
     * Reads RGBA bytes, as CameraX's OUTPUT_IMAGE_FORMAT_RGBA_8888 has them in its only plane.
     *
     * @param bytesPerRow from a row's first byte to the next row's
     * @return 0xAARRGGBB row by row, until the next call overwrites it
     */
    fun read(bytes: ByteBuffer, width: Int, height: Int, bytesPerRow: Int): IntArray {
        if (pixels.size != width * height) pixels = IntArray(width * height)
        val source = bytes.duplicate().order(ByteOrder.BIG_ENDIAN)
        for (row in 0 until height) {
            source.position(row * bytesPerRow)
            source.asIntBuffer().get(pixels, row * width, width)
        }
        for (i in pixels.indices) pixels[i] = pixels[i].rotateRight(8)
        return pixels
    }
}
