import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Java's own HTTP and WebSocket client with a server on localhost: Client PORT FILE, which the server has as /bytes. */
class Client {
    /** Whole messages: a String, a byte[], or an Integer for a close code. */
    static final BlockingQueue<Object> come = new LinkedBlockingQueue<>();

    static class Listener implements WebSocket.Listener {
        final StringBuilder text = new StringBuilder();
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean isLast) {
            text.append(data);
            if (isLast) {
                come.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean isLast) {
            byte[] piece = new byte[data.remaining()];
            data.get(piece);
            bytes.writeBytes(piece);
            if (isLast) {
                come.add(bytes.toByteArray());
                bytes.reset();
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            come.add(code);
            return null;
        }
    }

    static Object next() throws InterruptedException {
        return come.poll(20, TimeUnit.SECONDS);
    }

    public static void main(String[] arguments) throws Exception {
        String host = "localhost:" + arguments[0];
        byte[] file = Files.readAllBytes(Path.of(arguments[1]));
        HttpClient client = HttpClient.newHttpClient();
        // Offers h2 as well.
        var loaded = client.send(HttpRequest.newBuilder(URI.create("https://" + host + "/bytes")).build(),
            BodyHandlers.ofByteArray());
        if (loaded.statusCode() != 200 || !Arrays.equals(loaded.body(), file)) {
            throw new AssertionError("the file: " + loaded + ", " + loaded.version());
        }
        WebSocket socket =
            client.newWebSocketBuilder().buildAsync(URI.create("wss://" + host + "/"), new Listener()).get();
        socket.sendText("wörter", true).get();
        if (!"wörter".equals(next())) {
            throw new AssertionError("the text");
        }
        socket.sendBinary(ByteBuffer.wrap(file), true).get();
        if (!(next() instanceof byte[] same) || !Arrays.equals(same, file)) {
            throw new AssertionError("the bytes");
        }
        socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get();
        System.out.println("file and messages are the same, closed with " + next());
    }
}
